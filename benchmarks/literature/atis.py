"""Measure ATIS: label the words of spoken requests to an airline with 127 kinds of slots (split of Goo et al. 2018)."""

from literature.protocol import run

from numrnn import RNNClassifier
from numrnn.data import Vocabulary
from numrnn.metrics import span_f1

PUBLISHED = {"span F1": 0.942}  # joint bidirectional LSTM; slot-gated: 0.948


def read(folder, part):
    """Return the words and slots of the requests of a part."""
    return [
        [line.split() for line in (folder / f"{part}.{name}").read_text(encoding="utf-8").splitlines()]
        for name in ("seq.in", "seq.out")
    ]


def measure(folder, seed):
    """Return the span F1 of the test part, with the weights that did best on the validation part."""
    (X, y), (X_val, y_val), (X_test, y_test) = (read(folder, part) for part in ("train", "valid", "test"))
    model = RNNClassifier(
        (128,), bidirectional=True, output="step", vocabulary=Vocabulary("token"), embedding_size=128, dropout=0.5,
        learning_rate_init=2e-3, max_iter=60, scoring="span_f1", monitor="span_f1", early_stopping=True,
        random_state=seed,
    ).fit(X, y, X_val=X_val, y_val=y_val)  # fmt: skip
    return {"span F1": float(span_f1(y_test, model.predict(X_test)))}


if __name__ == "__main__":
    run("atis", measure, __doc__)
