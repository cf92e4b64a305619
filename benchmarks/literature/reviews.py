"""Measure IMDB: tell good from bad movie reviews, 20,000 for training and 5,000 for the test."""

import numpy as np
from literature.protocol import run
from public_data import read_reviews

from numrnn import RNNClassifier
from numrnn.data import Vocabulary

PUBLISHED = {"accuracy": 0.865}  # tuned LSTM; a bidirectional LSTM of Keras after 4 epochs: 0.815
TEST, VALIDATION = 5000, 2000


def measure(folder, seed):
    """Return the test accuracy of an LSTM that reads the last 200 words, stopped by validation accuracy."""
    texts, labels = read_reviews(folder)
    order = np.random.default_rng(seed).permutation(len(texts))
    parts = np.split(order, [len(order) - TEST - VALIDATION, len(order) - TEST])
    (X, y), (X_val, y_val), (X_test, y_test) = (([texts[i] for i in ids], labels[ids]) for ids in parts)
    model = RNNClassifier(
        (50,), cell="lstm", vocabulary=Vocabulary("token", max_symbols=5000, lowercase=True, last=200),
        embedding_size=32, dropout=0.2, batch_size=64, learning_rate_init=1e-3, max_iter=10, early_stopping=True,
        n_iter_no_change=3, random_state=seed,
    ).fit(X, y, X_val=X_val, y_val=y_val)  # fmt: skip
    return {"accuracy": float(model.score(X_test, y_test))}


if __name__ == "__main__":
    run("reviews", measure, __doc__)
