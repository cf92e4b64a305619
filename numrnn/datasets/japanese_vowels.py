"""Load the Japanese vowels, a small real data set of sequences of different lengths."""

from importlib.resources import files

import numpy as np
from sklearn.utils import Bunch

__all__ = ["load_japanese_vowels"]


def load_japanese_vowels() -> Bunch:
    """Load utterances of nine speakers (classification, one label per sequence).

    Returns
    -------
    bunch : sklearn.utils.Bunch
        Dictionary-like object with these attributes:

        X_train, X_test : lists of 270 and 370 arrays of shape (T_i, 12), float32
            One array per utterance: 7 to 29 steps of 12 LPC cepstrum coefficients.
        y_train, y_test : arrays of shape (270,) and (370,), int64
            Number of the speaker, 1 to 9.
        feature_names, target_names : lists of str
            Names of the 12 inputs and of the nine speakers.
        DESCR : str
            Description, source and licence of the data.

    References
    ----------
    M. Kudo, J. Toyama, M. Shimbo (1999), "Japanese Vowels", UCI Machine Learning Repository,
    https://doi.org/10.24432/C5NS47, CC BY 4.0.

    Examples
    --------
    >>> from numrnn.datasets import load_japanese_vowels
    >>> vowels = load_japanese_vowels()
    >>> len(vowels.X_train), len(vowels.X_test)
    (270, 370)
    >>> vowels.X_train[0].shape
    (20, 12)
    """
    folder = files("numrnn.datasets")
    with (folder / "japanese_vowels.npz").open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        X_train, X_test = (
            np.split(arrays[f"{part}_values"], np.cumsum(arrays[f"{part}_lengths"])[:-1]) for part in ("train", "test")
        )
        y_train, y_test = (arrays[f"{part}_y"].astype(np.int64) for part in ("train", "test"))
    return Bunch(
        X_train=X_train,
        y_train=y_train,
        X_test=X_test,
        y_test=y_test,
        feature_names=[f"lpc_{i}" for i in range(1, 13)],
        target_names=[f"speaker {i}" for i in range(1, 10)],
        DESCR=(folder / "japanese_vowels.txt").read_text(encoding="utf-8"),
    )
