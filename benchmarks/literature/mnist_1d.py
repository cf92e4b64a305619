"""Measure MNIST-1D: recognise digits drawn as series of 40 steps (Greydanus and Kobak 2024)."""

from literature.protocol import run
from public_data import read_mnist_1d
from sklearn.pipeline import make_pipeline

from numrnn import RNNClassifier, SequenceScaler

PUBLISHED = {"accuracy": 0.91}  # GRU


def measure(folder, seed):
    """Return the test accuracy of two directions, whose states are pooled by their maximum."""
    (X, y), (X_test, y_test) = read_mnist_1d()
    network = RNNClassifier(bidirectional=True, pooling="max", random_state=seed)
    model = make_pipeline(SequenceScaler(), network).fit(X, y)
    return {"accuracy": float(model.score(X_test, y_test))}


if __name__ == "__main__":
    run("mnist_1d", measure, __doc__)
