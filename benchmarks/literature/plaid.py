"""Measure PLAID: recognise 11 kinds of appliances by their current, in series of 100 to 1,344 steps."""

from literature.protocol import run
from public_data import read_ts
from sklearn.pipeline import make_pipeline

from numrnn import RNNClassifier, SequenceScaler

PUBLISHED = {"accuracy": 0.471}  # InceptionTime, the network among the published figures


def measure(folder, seed):
    """Return the test accuracy of a pipeline of two lines."""
    (X, y), (X_test, y_test) = (read_ts(folder / f"PLAID_{part}.ts", labels=str) for part in ("TRAIN", "TEST"))
    network = RNNClassifier(bidirectional=True, pooling="max", random_state=seed)
    model = make_pipeline(SequenceScaler(per_sequence=True, keep_scale=True), network).fit(X, y)
    return {"accuracy": float(model.score(X_test, y_test))}


if __name__ == "__main__":
    run("plaid", measure, __doc__)
