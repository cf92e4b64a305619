"""Write the model files beside it, each with what its model predicts, as they were at commit c1889c3.

    python tests/golden/make_models.py FOLDER

To run it again with a later version adds nothing: the files are there to be read by all later versions. A new version
of the format gets a folder of its own.
"""

import sys
from pathlib import Path

import numpy as np

import numrnn
from numrnn.data import Vocabulary

RNG = np.random.default_rng(7)
LENGTHS = RNG.integers(2, 9, 12)
VECTORS = [RNG.standard_normal((length, 3)).astype(np.float32) for length in LENGTHS]
SYMBOLS = [RNG.integers(0, 6, length) for length in LENGTHS]
LABELS = np.array(["low", "middle", "high"])[np.arange(12) % 3]
NUMBERS = RNG.standard_normal((12, 2))
STEPS = [x.sum(axis=1) > 0 for x in VECTORS]
TEXTS = ["a fine film", "what a bore", "fine, fine", "a bore of a film"] * 3
WORDS = ["one", "three", "fine", "bore", "film", "what"]
OPTIONS = {"hidden_layer_sizes": (5,), "max_iter": 2, "random_state": 0, "n_jobs": 1}
CASES = {
    "classifier": (numrnn.RNNClassifier, {"cell": "gru", "class_weight": "balanced"}, VECTORS, LABELS),
    "classifier_weighted": (
        numrnn.RNNClassifier,
        {"class_weight": {"low": 2.0, "middle": 1.0, "high": 0.5}, "dtype": "float64", "solver": "rmsprop"},
        VECTORS,
        LABELS,
    ),
    "classifier_steps": (
        numrnn.RNNClassifier,
        {"cell": "lstm", "output": "step", "bidirectional": True, "hidden_layer_sizes": (4, 3)},
        VECTORS,
        STEPS,
    ),
    "classifier_labels": (numrnn.RNNClassifier, {"pooling": "mean"}, VECTORS, (NUMBERS > 0).astype(int)),
    "classifier_symbols": (numrnn.RNNClassifier, {"n_symbols": 6}, SYMBOLS, LABELS),
    "classifier_embedded": (
        numrnn.RNNClassifier,
        {"n_symbols": "auto", "embedding_size": 3, "cell": "lstm", "initial_state": "learned"},
        SYMBOLS,
        LABELS,
    ),
    "classifier_tokens": (
        numrnn.RNNClassifier,
        {"vocabulary": Vocabulary("token", lowercase=True), "embedding_size": 3, "cell": "gru"},
        TEXTS,
        LABELS,
    ),
    "regressor_characters": (numrnn.RNNRegressor, {"vocabulary": Vocabulary(), "cell": "gru"}, TEXTS, NUMBERS[:, 0]),
    "regressor": (numrnn.RNNRegressor, {"cell": "lstm", "hidden_layer_sizes": (4, 3)}, VECTORS, NUMBERS),
    "regressor_steps": (
        numrnn.RNNRegressor,
        {"output": "step", "activation": "relu", "bptt_steps": 3},
        VECTORS,
        [x.sum(axis=1) for x in VECTORS],
    ),
    "language_model": (numrnn.RNNLanguageModel, {"batch_size": 2, "bptt_steps": 5}, " ".join(TEXTS), None),
    "language_model_tokens": (
        numrnn.RNNLanguageModel,
        {"vocabulary": Vocabulary("token", max_symbols=6), "cell": "gru", "embedding_size": 3},
        TEXTS,
        None,
    ),
    "language_model_symbols": (numrnn.RNNLanguageModel, {"n_symbols": 6, "cell": "lstm"}, SYMBOLS, None),
    "seq2seq": (numrnn.RNNSeq2Seq, {"cell": "gru", "embedding_size": 3}, WORDS, [word[::-1] for word in WORDS]),
    "seq2seq_vectors": (numrnn.RNNSeq2Seq, {"cell": "lstm"}, VECTORS, [x[:2, :2] for x in VECTORS]),
}


def arrays_of(model, X):
    """Return what a model predicts, as named arrays."""
    if isinstance(model, numrnn.RNNLanguageModel):
        prompt = [0, 1] if model.vocabulary_ is None else "a fine film"
        written = model.generate(prompt, 20, random_state=0)
        return {"cross_entropy": model.cross_entropy(X), "written": np.array(written)}
    found = model.predict_proba(X) if hasattr(model, "predict_proba") else model.predict(X)
    if isinstance(found, np.ndarray) or isinstance(found[0], str):
        return {"predictions": np.array(found)}
    return {"predictions": np.concatenate([np.asarray(each) for each in found])}


def main(folder):
    for name, (kind, options, X, y) in CASES.items():
        model = kind(**OPTIONS | options).fit(*((X,) if y is None else (X, y)))
        model.save(folder / f"{name}.safetensors")
        np.savez(folder / f"{name}.npz", **arrays_of(model, X))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
