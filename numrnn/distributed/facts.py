"""What processes must have alike to train together: a few words of each thing, to compare."""

import hashlib
from numbers import Number

import numpy as np

WHOLE = 1 << 24  # bytes of an array that are read at most: of a larger one blocks that lie apart
BLOCKS, BLOCK = 256, 1 << 16
OWN_AFFAIRS = ("callbacks", "n_jobs", "random_state", "verbose")  # parameters that need not be the same


def facts_of(estimator, data, targets, given):
    """Return what `check_same` compares: a dict of str to str, the names for an error.

    Parameters
    ----------
    estimator : BaseEstimator
    data : Sequences, NextSymbols or Pairs
    targets : Targets
    given : ndarray or None

    Examples
    --------
    >>> import numpy as np
    >>> from numrnn import RNNClassifier, Sequences
    >>> from numrnn.data.targets import Targets
    >>> from numrnn.distributed.facts import facts_of
    >>> data = Sequences.from_list([np.zeros((4, 1)), np.ones((3, 1))])
    >>> one, two = (facts_of(RNNClassifier(), data, Targets(np.array(y)), None) for y in ([0, 1], [1, 1]))
    >>> [name for name in one if one[name] != two[name]]
    ['y']
    """
    parameters = sorted(estimator.get_params(deep=True).items())
    told = {name: _told(value) for name, value in parameters if name not in OWN_AFFAIRS}
    parts = [data] if hasattr(data, "lengths") and hasattr(data, "offsets") else [data.source, data.target]
    arrays = [array for part in parts for array in (part.lengths, getattr(part, "values", None))]
    return told | {
        "what was learnt of X and y": repr(getattr(estimator, "_architecture", None)),
        "X": _digest(arrays),
        "y": _digest([targets.values]),
        "sample_weight": _digest([targets.weights]),
        "state": _digest([given]),
    }


def _told(value):
    """A value that is the same text in all processes, else its kind: an object's text may tell where it lies."""
    plain = value is None or isinstance(value, (str, Number, tuple, list))
    return repr(value) if plain else type(value).__name__


def _digest(arrays):
    """Of shapes, kinds and contents, as far as they are read."""
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        if not isinstance(array, np.ndarray):  # none, or files too large to read
            continue
        digest.update(repr((array.shape, array.dtype.str)).encode())
        flat = array.reshape(-1)
        if flat.nbytes <= WHOLE:
            digest.update(flat.tobytes())
            continue
        count = BLOCK // flat.itemsize
        for start in np.linspace(0, flat.size - count, BLOCKS).astype(np.int64):
            digest.update(flat[start : start + count].tobytes())
    return digest.hexdigest()
