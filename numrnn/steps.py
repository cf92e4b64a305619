"""What training asks of a network for some mini-batches, and what it is told."""

from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from numrnn.data.random import mask_keys


class Masks(NamedTuple):
    """Dropout whose masks somebody else has chosen."""

    dropout: float
    recurrent_dropout: float
    keys: np.ndarray  # (N,) int64: of the sequences

    def of(self, ids):
        """What the kernels take, for some sequences."""
        kept, kept_before = 1 - float(self.dropout), 1 - float(self.recurrent_dropout)
        return {"kept": kept, "kept_before": kept_before, "keys": self.keys[ids]}


class Step(NamedTuple):
    """What follows the gradient of a mini-batch: the L2 term, clipping, a step of the solver."""

    rule: int  # of numrnn.kernels.cpu.updates; NO_STEP: the gradient is all
    state: dict  # the solver's arrays
    scalars: np.ndarray  # (mini-batches, ...): what the rule takes in each step
    alpha: float = 0.0
    clip_norm: float | None = None
    dropout: float = 0.0  # probability that a unit that a layer passes up is left out
    recurrent_dropout: float = 0.0  # likewise for units that the next step reads, the same in all steps
    seed: int = 0  # of the masks, with the epoch
    epoch: int = 0
    masks: Masks | None = None  # of dropout, in the place of those of seed and epoch

    def masks_of(self, rows):
        """What the kernels take of dropout, for the sequences of mini-batches."""
        if self.masks is not None:
            return self.masks.of(rows.ids)
        if not (self.dropout or self.recurrent_dropout):
            return {}
        keys = mask_keys(self.seed, self.epoch, rows.ids, rows.skipped)
        return Masks(self.dropout, self.recurrent_dropout, keys).of(slice(None))


class Run(NamedTuple):
    """What happened: a value for each mini-batch that was not left out."""

    outcome: str  # "done", "interrupted" by Ctrl-C, or "diverged": in mini-batch number `done`
    losses: np.ndarray  # objective, the L2 term included
    norms: np.ndarray  # of the gradient, before clipping
    weight_sums: np.ndarray
    done: int  # steps made


@contextmanager
def always_current():
    """The span `resident` of a network that changes the host's arrays.

    Within it theta, the solver's state, and all else that `train` was given may be out of date between two calls, and
    nobody may change them. The function that it yields brings them up to date, until the next call of `train`, which
    takes them as it finds them; so does the span's end, however it comes.

    Examples
    --------
    >>> from numrnn.steps import always_current
    >>> with always_current() as settle:
    ...     settle()
    """
    yield lambda: None
