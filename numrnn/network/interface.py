"""What any network offers (`Network`), what those of layers and a head share, and what kernels are handed of
mini-batches.
"""

from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from numrnn.data.random_streams import mask_keys
from numrnn.kernels.cpu import heads, losses
from numrnn.kernels.cpu.inputs import Data, SymbolData
from numrnn.kernels.cpu.tile.forward import Goal
from numrnn.kernels.cpu.updates import NO_STEP
from numrnn.kernels.jit import read_only
from numrnn.network.parameters import state_size_of, tile_rows_of
from numrnn.solvers.base import state_arrays

NO_INDEX, NO_WEIGHTS = np.zeros(0, np.int64), np.zeros(0)


class Network(ABC):
    """A network that can be trained: what training, and who watches it, ask of any.

    It holds no parameters but those of the last `pack`; theta is the caller's. Not there yet: `input_gradient`, the
    gradient with respect to the inputs of a mini-batch. It will be one more abstract method, with the arguments of
    `gradient` but `grad`.

    Parameters
    ----------
    layout : Layout or PairLayout
        Its `size`, `decayed` and `views` serve training.
    dtype : dtype
        Of theta.
    tile_rows : int
        Sequences of a mini-batch that are sorted together by length.
    state_size : int
        Numbers that the network remembers of a sequence.

    Attributes
    ----------
    outlasts_training : bool
        Whether it is worth keeping for the next fit: arrays and graphs of a card.
    """

    outlasts_training = False

    def __init__(self, layout, dtype, tile_rows, state_size):
        self.layout, self.dtype, self.tile_rows, self.state_size = layout, np.dtype(dtype), tile_rows, state_size

    @abstractmethod
    def train(self, theta, data, targets, batches, step, grad, before, state=None, given=None, dgiven=None):
        """Make a step of a solver for each of some mini-batches; those whose weights are all 0 are left out.

        Parameters
        ----------
        theta : ndarray of shape (size,)
            Changed in place. Where loss, gradient or the new theta are not finite, it is taken back to where they were.
        data : SequenceSource
        targets : Targets
        batches : list of Batch
        step : SolverStep
            What follows a gradient.
        grad : ndarray of shape (size,)
            Receives the gradient of the last mini-batch that has targets, as the solver took it.
        before : ndarray of shape (size,)
            What theta goes back to if the first gradient is not finite; holds theta before the last step afterwards.
        state : ndarray of shape (N, state_size), optional
            Where chunks carry the states of sequences from and to; None: no chunk goes on where another call ended.
        given : ndarray of shape (N, state_size), optional
            States before the first steps of sequences; None: learned ones, or zeros.
        dgiven : ndarray of shape (N, state_size), optional
            Receives, for sequences that begin, the gradient with respect to them; theta's dtype, contiguous.

        Returns
        -------
        TrainingRun

        Raises
        ------
        ValueError
            If the memory limit is too low.
        """

    @abstractmethod
    def loss(self, theta, data, targets):
        """Return the mean loss of all sequences without the L2 term, by the forward pass alone.

        Returns
        -------
        loss : float
            sum(w l) / sum(w); nan if sum(w) is 0.
        weight_sum : float
        """

    @abstractmethod
    def pack(self, theta):
        """Take the weights that predictions work with."""

    def resident(self):
        """A span in which `train` may leave what it was given on a card; see `always_current`."""
        return always_current()

    def reads(self, batch, lengths):
        """Ids of those sequences of a mini-batch whose steps `train` reads; `lengths` (N,) are those of all."""
        return batch.ids

    def gradient(self, theta, data, targets, batch, grad, given=None, dgiven=None, step=None):
        """Loss of a mini-batch, without the L2 term, and its gradient.

        Parameters
        ----------
        theta : ndarray of shape (size,)
        data : SequenceSource
        targets : Targets
            Of a network without a head: as values (N, state_size) what is to be propagated back, dloss/d(states after
            the last steps), and no weights.
        batch : Batch
        grad : ndarray of shape (size,)
            Overwritten with dloss/dtheta.
        given : ndarray of shape (N, state_size), optional
            States before the first steps of all sequences; None: learned ones, or zeros.
        dgiven : ndarray of shape (N, state_size), optional
            The rows of the mini-batch's sequences are overwritten with dloss/dgiven; theta's dtype, contiguous.
        step : SolverStep, optional
            Whose dropout to apply; None: no dropout.

        Returns
        -------
        loss : float
            sum(w l) / sum(w); nan where sum(w) is 0 (then gradients are 0); 0.0 without a head.
        weight_sum : float
        """
        if dgiven is not None:
            dgiven[batch.ids] = 0
        step = SolverStep.none(self.dtype) if step is None else step.without_update()
        run = self.train(theta, data, targets, [batch], step, grad, theta, given=given, dgiven=dgiven)
        if run.outcome == "interrupted":
            raise KeyboardInterrupt
        if not len(run.losses):
            grad[:] = 0
            return np.nan, 0.0
        return float(run.losses[0]), float(run.weight_sums[0])


class RecurrentNetwork(Network):
    """Layers and a head, wherever they are computed: what comes of raw outputs.

    Parameters
    ----------
    layout : Layout
    head : HeadNumbers
    output : {"sequence", "step", "state", "features"}
        Whether the head has an output for a sequence or for each step. A layout without outputs gives its final states
        alone, or with them what a head would read of a sequence.
    pooling : {"last", "mean", "max"}
        What the head reads of a sequence: the last layer's last state, or the mean or the maximum of all its states.
    dtype : float32 or float64
    n_jobs : int
        Threads of the host.

    Attributes
    ----------
    work
        Knows how many threads work is worth: has `useful_threads(data)`.
    """

    outputs_at_once = 1 << 20  # of pieces of texts: what comes out for all of a long text would fill the memory

    def __init__(self, layout, head, output, pooling, dtype, n_jobs):
        super().__init__(layout, dtype, tile_rows_of(layout), state_size_of(layout))
        self.head, self.per_step, self.pooling, self.n_jobs = head, output == "step", pooling, n_jobs
        directions = len(layout.prefixes(0))
        self.n_outputs = directions * layout.hidden_layer_sizes[-1] if output == "features" else layout.n_outputs

    @abstractmethod
    def predict_packed(self, data, state=None, raw=False, threads=1, masks=None):
        """`predict` with the weights of the last `pack`: from any number of Python threads at once.

        Parameters
        ----------
        data, state, raw : as of `predict`
        threads : int
            At most.
        masks : Masks, optional
            Of dropout, for a forward pass as training makes it.
        """

    def predict(self, theta, data, state=None, raw=False):
        """Outputs of all sequences.

        Parameters
        ----------
        theta : ndarray of shape (size,)
        data : SequenceSource
        state : ndarray of shape (N, state_size), optional
            States before the first steps, layer after layer, in each its directions, an LSTM's cell after its s;
            None: learned ones, or zeros.
        raw : bool
            Raw outputs, logits for example, instead of probabilities or values.

        Returns
        -------
        outputs : ndarray of shape (N, K), or (sum T, K) with an output per step
        state : ndarray of shape (N, state_size)
            States after the last steps.
        """
        self.pack(theta)
        return self.predict_packed(data, state, raw, min(self.n_jobs, self.work.useful_threads(data)))

    def loss(self, theta, data, targets):
        """Loss of all sequences without the L2 term, by the forward pass alone: (sum(w l) / sum(w), sum(w))."""
        logits, _ = self.predict(theta, data, raw=True)
        return self.loss_of(logits, targets)

    def loss_of(self, logits, targets):
        """Loss of raw predictions: (sum(w l) / sum(w), sum(w)); nan where sum(w) is 0."""
        goal = goal_of(targets, self.dtype)
        weight_sum = float(len(logits) if targets.weights is None else targets.weights.sum())
        parameter = self.dtype.type(self.head.parameter)  # the type of a row: one compiled form for both callers
        total = losses.summed_loss(self.head.loss, parameter, logits.copy(), *goal[:-1])
        return (total / weight_sum if weight_sum else np.nan), weight_sum

    def summed_loss(self, data, targets, state=None, threads=1):
        """Sum of the losses of all steps, with the weights of the last `pack`.

        Parameters
        ----------
        data : Sequences
        targets : Targets
            Of steps, each of the same weight.
        state : ndarray of shape (N, state_size), optional
            States before the first steps; None: learned ones, or zeros.
        threads : int
            At most.

        Returns
        -------
        total : float
        state : ndarray of shape (N, state_size)
            States after the last steps.
        """
        threads = min(threads, self.work.useful_threads(data))
        logits, state = self.predict_packed(data, state, True, threads)
        loss, count = self.loss_of(logits, targets)
        return loss * count, state

    def outputs_of(self, logits):
        """Probabilities (softmax, sigmoid) or values of raw predictions."""
        outputs = logits.copy()
        heads.apply_outputs(self.head.output, outputs)
        return outputs

    def predict_blocks(self, data, state, predict):
        """Outputs of sequences in files, as many at a time as are in memory, and the states after them.

        Parameters
        ----------
        data : ShardedSequences
        state : ndarray of shape (N, state_size) or None
            As of `predict`.
        predict : callable
            Gets some sequences and their part of `state`; returns what `predict` does.
        """
        first_row = data.offsets if self.per_step else np.arange(len(data) + 1)
        out = np.empty((first_row[-1], self.n_outputs), self.dtype)
        after = np.empty((len(data), self.state_size), self.dtype)
        for first, block in data.blocks():
            end = first + len(block)
            before = None if state is None else state[first:end]
            rows = slice(first_row[first], first_row[end])
            out[rows], after[first:end] = predict(block, before)
        return out, after


class Masks(NamedTuple):
    """Dropout whose masks somebody else has chosen."""

    dropout: float
    recurrent_dropout: float
    keys: np.ndarray  # (N,) int64: of the sequences

    def of(self, ids):
        """What the kernels take, for some sequences."""
        kept, kept_before = 1 - float(self.dropout), 1 - float(self.recurrent_dropout)
        return {"kept": kept, "kept_before": kept_before, "keys": self.keys[ids]}


class SolverStep(NamedTuple):
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

    def update_of(self, theta):
        """Return what the kernels take of the step itself: alpha, clip_norm, rule, and the solver's two arrays."""
        clip_norm = np.inf if self.clip_norm is None else float(self.clip_norm)
        return float(self.alpha), clip_norm, self.rule, *state_arrays(self.state, theta)

    def masks_of(self, rows):
        """What the kernels take of dropout, for the sequences of mini-batches."""
        if self.masks is not None:
            return self.masks.of(rows.ids)
        if not (self.dropout or self.recurrent_dropout):
            return {}
        keys = mask_keys(self.seed, self.epoch, rows.ids, rows.skipped)
        return Masks(self.dropout, self.recurrent_dropout, keys).of(slice(None))

    @classmethod
    def none(cls, dtype, **dropout):
        """Return the step that changes nothing, for a gradient alone; `dropout`: fields of it."""
        return cls(NO_STEP, {}, np.zeros((1, 0), dtype), **dropout)

    def without_update(self):
        """Return this step's dropout with no update."""
        names = "dropout", "recurrent_dropout", "seed", "epoch", "masks"
        return self.none(self.scalars.dtype, **{name: getattr(self, name) for name in names})


class TrainingRun(NamedTuple):
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
    >>> from numrnn.network.interface import always_current
    >>> with always_current() as settle:
    ...     settle()
    """
    yield lambda: None


def inputs_of(layout, data, rows, state, learning=False):
    """The sequences of mini-batches, with room for an embedding's gradient where it is learnt.

    Parameters
    ----------
    layout : Layout
    data : Sequences
    rows : Rows
    state : ndarray of shape (N, state_size)
        Where chunks carry states from and to; of shape (0, state_size) if none are carried.
    learning : bool

    Returns
    -------
    inputs : Data or SymbolData
        Without dropout, and without states that are given.

    Raises
    ------
    ValueError
        If a step has another number of inputs than the network, or sequences reach beyond the steps there are.
    """
    values, starts = data.gather(rows.ids)
    check_step_shape(layout, values)
    starts = starts + rows.skipped
    if (rows.lengths < 0).any() or (starts < 0).any() or (starts > len(values) - rows.lengths).any():
        raise ValueError(f"sequences lie outside the {len(values)} steps there are: offsets or values were changed")
    states = state, np.where(rows.skipped > 0, rows.ids, ~rows.ids), *np.zeros((2, 0, state.shape[1]), state.dtype)
    if layout.n_symbols is None:
        return Data(read_only(values).reshape(-1), starts, rows.lengths, *states, 1.0, 1.0, NO_INDEX)
    steps = _most_steps(rows) if learning and layout.embedding_size else 0
    before = np.cumsum(rows.lengths) - rows.lengths
    return SymbolData(
        read_only(values).view(np.uint8),
        values.itemsize,
        starts,
        rows.lengths,
        *states,
        1.0,
        1.0,
        NO_INDEX,
        before - np.repeat(before[rows.first[:-1]], np.diff(rows.first)),
        np.empty(steps * (layout.embedding_size or 0), state.dtype),
        np.empty(steps, np.int64),
        np.empty(layout.n_symbols + 2, np.int64),
    )


def check_step_shape(layout, values):
    """Raise a ValueError unless steps are what a network reads: kernels would read what lies behind them.

    Parameters
    ----------
    layout : Layout
    values : ndarray of shape (sum of T_i, D), or (sum of T_i,) for symbols
    """
    expected = (layout.n_inputs,) if layout.n_symbols is None else ()
    if values.shape[1:] != expected:
        raise ValueError(f"a step has shape {values.shape[1:]}, the network reads {expected}")


def _most_steps(rows):
    """Of a mini-batch."""
    return int(np.add.reduceat(rows.lengths, rows.first[:-1]).max())


def embedding_gradient_bytes(layout, rows, dtype):
    """Bytes in which `inputs_of` gives room for an embedding's gradient: of each step, and its place in order."""
    if not layout.embedding_size:
        return 0
    return _most_steps(rows) * (layout.embedding_size * dtype.itemsize + np.dtype(np.int64).itemsize)


def target_rows(data, rows, per_step):
    """Where the targets of the sequences of mini-batches begin; -1: that of a sequence is in a later chunk."""
    if per_step:
        return data.offsets[rows.ids] + rows.skipped
    return np.where(rows.skipped + rows.lengths < data.lengths[rows.ids], -1, rows.ids)


def goal_of(targets, dtype, first_row=NO_INDEX):
    """Targets, and where those of each sequence begin; `dtype` is the network's."""
    classes, values = targets.values, np.zeros((0, 0), dtype)
    if targets.values.ndim == 2:
        classes, values = NO_INDEX, targets.values
    weights = NO_WEIGHTS if targets.weights is None else targets.weights
    classes = np.ascontiguousarray(classes)
    return Goal(read_only(classes).view(np.uint8), classes.itemsize, read_only(values), read_only(weights), first_row)
