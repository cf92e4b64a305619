"""Draw random numbers that do not depend on the order in which they are drawn.

All random numbers in numrnn (initial weights, shuffles, splits, masks, sampling) come from counter-based generators.
The key of a generator consists of the seed and the purpose of the numbers. Hence the shuffle of epoch 7 does not depend
on whether epochs 1 to 6 ran in this process, in another one, or not at all.
"""

import numpy as np
from sklearn.utils import check_random_state

from numrnn.io.messages import InputError, shown

# The random numbers of a seed depend on this table: add new purposes, but never change an existing number.
PURPOSES = {"weights": 1, "shuffle": 2, "split": 3, "dropout": 4, "sampling": 5, "data": 6, "shards": 7, "restarts": 8}


def draw_seed(random_state):
    """Return the seed of a fit, an integer in [0, 2**64), from a `random_state` as in scikit-learn.

    With None, the seed is drawn from NumPy's global generator. A value that `sklearn.utils.check_random_state` does not
    accept raises a ValueError.
    """
    try:
        random = check_random_state(random_state)
    except ValueError as error:
        expected = f"an integer from 0 to {2**32 - 1}, a numpy.random.RandomState or None"
        raise InputError("random_state", (), f"={shown(random_state)}: must be {expected}") from error
    return int(random.randint(0, 2**64, dtype=np.uint64))


def mask_keys(seed, epoch, ids, first):
    """Return, for each chunk of a sequence, a 32-bit key from which its dropout masks in an epoch are drawn.

    Parameters
    ----------
    seed : int
        In [0, 2**64).
    epoch : int
    ids, first : ndarray of shape (n,), int64
        Index of the sequence and first step of each chunk.

    Returns
    -------
    keys : ndarray of shape (n,), int64
        Upper half of a hash of `seed`, `epoch`, `ids` and `first` (splitmix64: Steele, Lea, Flood 2014).
    """
    words = (PURPOSES["dropout"], epoch, ids, first)
    key = np.full(len(ids), seed, np.uint64)
    for word in words:
        key = key + np.asarray(word, np.int64).astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        key = (key ^ (key >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        key = (key ^ (key >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        key = key ^ (key >> np.uint64(31))
    return (key >> np.uint64(32)).astype(np.int64)


def generator(seed, purpose, epoch=0, sequence=0):
    """Return the random generator for one purpose, epoch and sequence.

    Parameters
    ----------
    seed : int
        In [0, 2**64).
    purpose : {"weights", "shuffle", "split", "dropout", "sampling", "data", "shards", "restarts"}
    epoch, sequence : int, default=0
        Non-negative integers. Generators of different epochs or sequences draw different parts of one stream, which do
        not overlap unless a generator draws more than 2**130 words.

    Returns
    -------
    generator : numpy.random.Generator
        Philox 4x64 with key (seed, purpose) and counter (0, 0, epoch, sequence).

    References
    ----------
    Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3. SC 2011.
    """
    key = np.array([seed, PURPOSES[purpose]], dtype=np.uint64)
    counter = np.array([0, 0, epoch, sequence], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))
