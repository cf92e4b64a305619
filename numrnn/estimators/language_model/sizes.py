"""How much of a text a language model reads before each update: streams or texts side by side, steps of a chunk."""

import warnings

import numpy as np

UPDATES = 100  # an epoch, that short texts are divided into
LARGEST, SHORTEST = 100, 25  # streams or steps at most; steps at least
FEWEST = 300  # updates of a fit, below which a network has learnt little


def learn_sizes(estimator, lengths, is_one):
    """Set ``batch_size_`` and ``bptt_steps_``: the parameters, or what follows from the lengths of texts.

    Parameters
    ----------
    estimator : RNNLanguageModel
    lengths : ndarray of shape (N,), int64
        Steps of each text.
    is_one : bool
        Whether they are those of one text that is cut into streams.
    """
    steps, count = estimator.bptt_steps, estimator.batch_size
    if is_one:
        count, steps = _of_streams((int(lengths[0]) + 1) // UPDATES, count, steps)
    else:
        steps = LARGEST if steps == "auto" else steps
        chunks = int(_chunks(lengths, steps).sum())
        count = min(LARGEST, max(1, chunks // UPDATES)) if count == "auto" else count
    estimator.batch_size_, estimator.bptt_steps_ = int(count), None if steps is None else int(steps)


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


def warn_of_few_updates(estimator, data):
    """Warn if all updates of a fit, with those before it, are too few to learn from.

    Parameters
    ----------
    estimator : RNNLanguageModel
        With its sizes learnt and its first weights drawn.
    data : NextSymbols
        What is to be trained on.
    """
    batch_size, steps = estimator.batch_size_, estimator.bptt_steps_
    longest = np.sort(data.lengths)[::-1][::batch_size]  # texts of about one length form a mini-batch
    each = int(_chunks(longest, steps).sum())
    total = estimator._state.n_updates + each * int(estimator.max_iter)
    if total < FEWEST:
        warnings.warn(
            f"max_iter={estimator.max_iter}: with batch_size={batch_size} and bptt_steps={steps} these texts make "
            f"{each} updates of the weights an epoch, {total} in all, and a network learns little from fewer than "
            f"{FEWEST}; raise max_iter or pass longer texts, or set batch_size and bptt_steps to smaller values",
            stacklevel=4,
        )
