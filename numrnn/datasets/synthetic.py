"""Generate synthetic tasks from a seed; the errors that networks can reach on these tasks are known."""

import numpy as np
from numpy.random import RandomState
from sklearn.utils import check_random_state

from numrnn.io.messages import InputError

__all__ = ["make_adding_problem", "make_copy_task", "make_noisy_sines"]


def make_adding_problem(
    n: int = 1000, length: int = 100, random_state: int | RandomState | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Generate the adding problem: add the two marked numbers (regression, one target per sequence).

    Each step has a number drawn uniformly from [0, 1] and a mark, which is 1 at two steps, one in each half of the
    sequence, and 0 elsewhere. The target is the sum of the two marked numbers. Predicting 1 for all sequences has a
    mean squared error of 1/6 = 0.167; a smaller error requires a memory of up to `length` steps.

    Parameters
    ----------
    n : int, default=1000
        Number of sequences.
    length : int, default=100
        Number of steps of each sequence, at least 2.
    random_state : int, numpy.random.RandomState or None, default=None
        Seed of the random numbers.

    Returns
    -------
    X : array of shape (n, length, 2), float32
        Number and mark of each step.
    y : array of shape (n,), float32
        The sums.

    Raises
    ------
    ValueError
        If `n` is less than 1 or `length` less than 2.

    References
    ----------
    S. Hochreiter, J. Schmidhuber, "Long short-term memory", Neural Computation 9 (1997), section 5.4;
    Q. V. Le, N. Jaitly, G. E. Hinton, "A simple way to initialize recurrent networks of rectified linear units",
    arXiv:1504.00941 (2015), section 4.1, for numbers from [0, 1]; M. Arjovsky, A. Shah, Y. Bengio, "Unitary
    evolution recurrent neural networks", ICML 2016, section 5.2, for one mark in each half.

    Examples
    --------
    >>> from numrnn.datasets import make_adding_problem
    >>> X, y = make_adding_problem(n=3, length=10, random_state=0)
    >>> X.shape, X[:, :, 1].sum(axis=1)
    ((3, 10, 2), array([2., 2., 2.], dtype=float32))
    """
    _check_at_least("n", n, 1)
    _check_at_least("length", length, 2)
    random = check_random_state(random_state)
    numbers = random.uniform(size=(n, length)).astype(np.float32)
    first = random.randint(0, length // 2, size=n)
    second = random.randint(length // 2, length, size=n)
    marks = np.zeros_like(numbers)
    every = np.arange(n)
    marks[every, first] = marks[every, second] = 1.0
    return np.stack([numbers, marks], axis=2), numbers[every, first] + numbers[every, second]


def make_copy_task(
    n: int = 1000,
    length: int = 100,
    random_state: int | RandomState | None = None,
    *,
    n_memory: int = 10,
    n_symbols: int = 8,
    one_hot: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """Generate the copy task: output symbols again after a long pause (classification, one label per step).

    A sequence consists of `n_memory` symbols to remember, `length - 1` blanks, a signal, and `n_memory` more blanks,
    during which the network must output the symbols; the label of every earlier step is the blank. The symbols are 1 to
    `n_symbols`, the blank is 0 and the signal is ``n_symbols + 1``. A network that guesses the symbols has a
    cross-entropy of ``n_memory * log(n_symbols) / (length + 2 * n_memory)`` nats per step.

    Parameters
    ----------
    n : int, default=1000
        Number of sequences.
    length : int, default=100
        Number of steps from the last symbol to remember to the signal, at least 1.
    random_state : int, numpy.random.RandomState or None, default=None
        Seed of the random numbers.
    n_memory : int, default=10
        Number of symbols to remember.
    n_symbols : int, default=8
        Number of different symbols, at least 2.
    one_hot : bool, default=True
        Whether X holds one-hot vectors or the symbols themselves.

    Returns
    -------
    X : array of shape (n, length + 2 n_memory, n_symbols + 2), float32
        One-hot vectors. With ``one_hot=False``, the symbols as int64, of shape (n, length + 2 n_memory).
    y : array of shape (n, length + 2 n_memory), int64
        The label of each step, 0 to `n_symbols`.

    Raises
    ------
    ValueError
        If `n`, `length` or `n_memory` is less than 1, or `n_symbols` less than 2.

    References
    ----------
    S. Hochreiter, J. Schmidhuber, "Long short-term memory", Neural Computation 9 (1997), section 5;
    M. Arjovsky, A. Shah, Y. Bengio, "Unitary evolution recurrent neural networks", ICML 2016, section 5.1.

    Examples
    --------
    >>> from numrnn.datasets import make_copy_task
    >>> X, y = make_copy_task(n=1, length=4, random_state=0, n_memory=2, one_hot=False)
    >>> X
    array([[5, 8, 0, 0, 0, 9, 0, 0]])
    >>> y
    array([[0, 0, 0, 0, 0, 0, 5, 8]])
    """
    for name, value, least in (("n", n, 1), ("length", length, 1), ("n_memory", n_memory, 1)):
        _check_at_least(name, value, least)
    _check_at_least("n_symbols", n_symbols, 2)
    memory = check_random_state(random_state).randint(1, n_symbols + 1, size=(n, n_memory)).astype(np.int64)
    X = np.zeros((n, length + 2 * n_memory), dtype=np.int64)
    X[:, :n_memory] = memory
    X[:, n_memory + length - 1] = n_symbols + 1
    y = np.zeros_like(X)
    y[:, -n_memory:] = memory
    return (np.eye(n_symbols + 2, dtype=np.float32)[X] if one_hot else X), y


def make_noisy_sines(
    n: int = 200,
    length: tuple[int, int] = (20, 60),
    random_state: int | RandomState | None = None,
    *,
    noise: float = 0.1,
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Generate noisy sines of different lengths, whose next values are the targets (regression, one target per step).

    Each sequence has its own frequency (a period of 10 to 30 steps), phase and number of steps. The input is the sine
    plus Gaussian noise; the target is the sine without noise one step later.

    Parameters
    ----------
    n : int, default=200
        Number of sequences.
    length : int or (int, int), default=(20, 60)
        Number of steps of each sequence: one number for all sequences, or the smallest and the largest number.
    random_state : int, numpy.random.RandomState or None, default=None
        Seed of the random numbers.
    noise : float, default=0.1
        Standard deviation of the noise; the sine's amplitude is 1.

    Returns
    -------
    X : list of n arrays of shape (T_i, 1), float32
        The noisy values.
    y : list of n arrays of shape (T_i,), float32
        The next values, without noise.

    Raises
    ------
    ValueError
        If `n` or a length is less than 1, the smallest length is greater than the largest, or `noise` is negative.

    Examples
    --------
    >>> from numrnn.datasets import make_noisy_sines
    >>> X, y = make_noisy_sines(n=2, length=(3, 9), random_state=0)
    >>> [(x.shape, target.shape) for x, target in zip(X, y)]
    [((7, 1), (7,)), ((8, 1), (8,))]
    """
    shortest, longest = (length, length) if np.ndim(length) == 0 else length
    _check_at_least("n", n, 1)
    _check_at_least("length", shortest, 1)
    _check_at_least("the largest length", longest, shortest)
    _check_at_least("noise", noise, 0)
    random = check_random_state(random_state)
    lengths = random.randint(shortest, longest + 1, size=n)
    speeds = 2 * np.pi / random.uniform(10, 30, size=n)
    phases = random.uniform(0, 2 * np.pi, size=n)
    waves = zip(lengths, speeds, phases, strict=True)
    sines = [np.sin(phase + speed * np.arange(steps + 1)) for steps, speed, phase in waves]
    X = [(sine[:-1] + noise * random.standard_normal(sine.size - 1)).astype(np.float32)[:, None] for sine in sines]
    return X, [sine[1:].astype(np.float32) for sine in sines]


def _check_at_least(name, value, least):
    if value < least:
        raise InputError(name, (), f"must be at least {least}, got {value}")
