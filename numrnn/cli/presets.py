"""Define settings for the bundled data sets and for tables of texts.

The settings for bundled data sets were chosen by cross-validation on the training set: they are the best rows of
``benchmarks/select_japanese_vowels.csv``, which ``benchmarks/select_japanese_vowels.py`` writes.
"""

__all__ = ["SETTINGS", "TABLE", "VOCABULARY"]

_VOWELS = {"scale": True, "hidden_layer_sizes": (64,), "max_iter": 60, "batch_size": 32}

# parameters by data set and cell; the first cell is the default
SETTINGS = {
    "japanese_vowels": {
        "gru": _VOWELS | {"learning_rate_init": 0.02},
        "lstm": _VOWELS | {"learning_rate_init": 0.03, "learning_rate": "cosine", "alpha": 0.001},
        "elman": _VOWELS | {"learning_rate_init": 0.01, "learning_rate": "cosine"},
    }
}

# For tables of texts: the settings with which docs/examples/sentiment.py reads movie reviews, except the number of
# epochs, which depends on the number of texts.
VOCABULARY = {"unit": "token", "max_symbols": 5000, "lowercase": True, "last": 200}
TABLE = {"cell": "lstm", "hidden_layer_sizes": (50,), "embedding_size": 32, "batch_size": 64, "early_stopping": True}
