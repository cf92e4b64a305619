"""Random numbers that do not depend on the order in which they are asked for.

Everything random in numrnn (first weights, shuffles, splits, masks, sampling) is drawn from a counter-based generator
keyed by what the numbers are for. The shuffle of epoch 7 is the same whether epochs 1 to 6 ran in this process, another
one, or not at all.
"""

import numpy as np
from sklearn.utils import check_random_state

from numrnn.io.messages import shown

# The numbers are part of what makes a seed reproducible: add to them, never change them.
PURPOSES = {"weights": 1, "shuffle": 2, "split": 3, "dropout": 4, "sampling": 5, "data": 6, "shards": 7}


def draw_seed(random_state):
    """Draw the one 64-bit seed of a fit.

    Parameters
    ----------
    random_state : int, numpy.random.RandomState or None
        As everywhere in scikit-learn; None draws from NumPy's global generator.

    Returns
    -------
    seed : int
        In [0, 2**64).

    Raises
    ------
    ValueError
        If random_state is none of these.

    Examples
    --------
    >>> from numrnn.data.random_streams import draw_seed
    >>> draw_seed(0) == draw_seed(0)
    True
    """
    try:
        random = check_random_state(random_state)
    except ValueError as error:
        raise ValueError(
            f"random_state must be an integer from 0 to {2**32 - 1}, a numpy.random.RandomState or None, got "
            f"{shown(random_state)}"
        ) from error
    return int(random.randint(0, 2**64, dtype=np.uint64))


def mask_keys(seed, epoch, ids, first):
    """Return a key of 32 bits for the dropout masks of each of some chunks of sequences in an epoch.

    Parameters
    ----------
    seed : int
        In [0, 2**64).
    epoch : int
    ids, first : ndarray of shape (n,), int64
        The sequences, and the first steps of the chunks.

    Returns
    -------
    keys : ndarray of shape (n,), int64
        The upper half of a hash of all four (splitmix64: Steele, Lea, Flood 2014).

    Examples
    --------
    >>> import numpy as np
    >>> from numrnn.data.random_streams import mask_keys
    >>> len(set(mask_keys(1, 0, np.arange(100), np.zeros(100, np.int64)).tolist()))
    100
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
    """Return the random generator of one purpose, epoch and sequence.

    Parameters
    ----------
    seed : int
        In [0, 2**64).
    purpose : {"weights", "shuffle", "split", "dropout", "sampling", "data", "shards"}
        What the numbers are for.
    epoch, sequence : int, default=0
        Not negative. Streams of different epochs or sequences never overlap: each may draw 2**130 words.

    Returns
    -------
    generator : numpy.random.Generator
        Philox 4x64 with key (seed, purpose) and counter (0, 0, epoch, sequence).

    References
    ----------
    Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3. SC 2011.

    Examples
    --------
    >>> from numrnn.data.random_streams import generator
    >>> a = generator(1, "shuffle", epoch=3).permutation(5)
    >>> b = generator(1, "shuffle", epoch=3).permutation(5)
    >>> a.tolist() == b.tolist()
    True
    """
    key = np.array([seed, PURPOSES[purpose]], dtype=np.uint64)
    counter = np.array([0, 0, epoch, sequence], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))
