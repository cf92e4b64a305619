"""How much of a text a language model reads before each update: streams or texts side by side, steps of a chunk."""

import warnings

import numpy as np

UPDATES = 100  # an epoch, that short texts are divided into
LARGEST, SHORTEST = 100, 25  # streams or steps at most; steps at least
FEWEST = 300  # updates of a fit, below which a network has learnt little


def sizes_of(lengths, is_one, batch_size, bptt_steps):
    """Return the streams or texts of a mini-batch and the steps of a chunk.

    Parameters
    ----------
    lengths : ndarray of shape (N,), int64
        Steps of each text.
    is_one : bool
        Whether they are those of one text that is cut into streams.
    batch_size : int or "auto"
    bptt_steps : int, None or "auto"
        "auto" follows from the lengths.

    Returns
    -------
    batch_size : int
    bptt_steps : int or None
    """
    steps, count = bptt_steps, batch_size
    if is_one:
        count, steps = _of_streams((int(lengths[0]) + 1) // UPDATES, count, steps)
    else:
        steps = LARGEST if steps == "auto" else steps
        chunks = int(_chunks(lengths, steps).sum())
        count = min(LARGEST, max(1, chunks // UPDATES)) if count == "auto" else count
    return int(count), None if steps is None else int(steps)


def _of_streams(symbols, count, steps):
    """Return the streams, and the steps of each, that make about so many symbols."""
    if steps == "auto":
        least = symbols // (4 if count == "auto" else int(count))
        steps = min(LARGEST, max(SHORTEST, least))
    if count == "auto":
        count = min(LARGEST, max(1, symbols // (LARGEST if steps is None else int(steps))))
    return count, steps


def _chunks(lengths, steps):
    return np.ones_like(lengths) if steps is None else -(-lengths // int(steps))


def warn_of_few_updates(lengths, batch_size, bptt_steps, max_iter, n_before, stacklevel):
    """Warn if all updates of a fit, with `n_before` before it, are too few to learn from.

    Parameters
    ----------
    lengths : ndarray of shape (N,)
        Steps of what is to be trained on.
    batch_size, bptt_steps, max_iter, n_before : int
    stacklevel : int
        As of `warnings.warn`, counted from the caller.
    """
    longest = np.sort(lengths)[::-1][::batch_size]  # texts of about one length form a mini-batch
    each = int(_chunks(longest, bptt_steps).sum())
    total = n_before + each * int(max_iter)
    if total < FEWEST:
        warnings.warn(
            f"max_iter={max_iter}: with batch_size={batch_size} and bptt_steps={bptt_steps} these texts make "
            f"{each} updates of the weights an epoch, {total} in all, and a network learns little from fewer than "
            f"{FEWEST}; raise max_iter or pass longer texts, or set batch_size and bptt_steps to smaller values",
            stacklevel=stacklevel + 1,
        )
