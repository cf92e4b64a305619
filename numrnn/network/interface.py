"""Define the interfaces of networks, and prepare mini-batches for the kernels."""

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
from numrnn.network.input_gradients import gradient_of_inputs
from numrnn.network.parameters import state_size_of, tile_rows_of
from numrnn.solvers.base import state_arrays

NO_INDEX, NO_WEIGHTS = np.zeros(0, np.int64), np.zeros(0)


class Network(ABC):
    """Define the methods and attributes of networks that training and callbacks use.

    A network holds no parameters except the packed copy that `pack` has made; theta belongs to the caller.

    Parameters
    ----------
    layout : Layout or PairLayout
        Positions of the parameters in theta; training uses the attributes `size` and `decayed` and the method `views`.
    dtype : dtype
        Type of theta.
    tile_rows : int
        Number of sequences of a mini-batch that are sorted together by length.
    state_size : int
        Number of elements of a sequence's state.

    Attributes
    ----------
    outlasts_training : bool
        Whether the network should be kept for the next fit, which can reuse its arrays and graphs on a GPU.
    """

    outlasts_training = False

    def __init__(self, layout, dtype, tile_rows, state_size):
        self.layout, self.dtype, self.tile_rows, self.state_size = layout, np.dtype(dtype), tile_rows, state_size

    @abstractmethod
    def train(self, theta, data, targets, batches, step, grad, before, state=None, given=None, dgiven=None):
        """Perform one solver's step for each mini-batch, except those whose weights are all 0.

        Parameters
        ----------
        theta : ndarray of shape (size,)
            Changed in place. If the loss, the gradient or the new theta is not finite, theta is reset to its value
            before that step.
        data : SequenceSource
        targets : Targets
        batches : list of Batch
        step : SolverStep
        grad : ndarray of shape (size,)
            Receives the gradient of the last mini-batch that has targets, as used by the solver.
        before : ndarray of shape (size,)
            On entry, the value to which theta is reset if the first gradient is not finite; on return, theta before the
            last step.
        state : ndarray of shape (N, state_size), optional
            States that chunks read and write. If None, no chunk resumes from a state of an earlier call.
        given : ndarray of shape (N, state_size), optional
            Initial states of all sequences. If None, they are learned or zero.
        dgiven : ndarray of shape (N, state_size), optional
            Receives the gradient with respect to `given`, for those sequences that begin in `batches`; contiguous, of
            theta's dtype.

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
        """Return the mean loss of all sequences without the L2 term, from the forward pass alone.

        Returns
        -------
        loss : float
            sum(w l) / sum(w); nan if sum(w) is 0.
        weight_sum : float
            sum(w).
        """

    @abstractmethod
    def pack(self, theta):
        """Store the weights with which predictions are computed."""

    def resident(self):
        """Return a context in which `train` may leave its arrays on a GPU; see `always_current`."""
        return always_current()

    def reads(self, batch, lengths):
        """Return the ids of a mini-batch's sequences that `train` reads, given the `lengths` (N,) of all sequences."""
        return batch.ids

    def gradient(self, theta, data, targets, batch, grad, given=None, dgiven=None, step=None):
        """Compute the loss of a mini-batch, without the L2 term, and its gradient.

        Parameters
        ----------
        theta : ndarray of shape (size,)
        data : SequenceSource
        targets : Targets
            For a network without a head, the values (N, state_size) are dloss/d(states after the last steps), and there
            are no weights.
        batch : Batch
        grad : ndarray of shape (size,)
            Overwritten with dloss/dtheta.
        given : ndarray of shape (N, state_size), optional
            Initial states of all sequences. If None, they are learned or zero.
        dgiven : ndarray of shape (N, state_size), optional
            The rows of the mini-batch's sequences are overwritten with dloss/dgiven; contiguous, of theta's dtype.
        step : SolverStep, optional
            Step whose dropout is applied; None means no dropout.

        Returns
        -------
        loss : float
            sum(w l) / sum(w); nan, with gradients of 0, if sum(w) is 0; 0.0 for a network without a head.
        weight_sum : float
            sum(w).
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

    def input_gradient(self, theta, data, targets, batch, given=None):
        """Compute the gradient of the loss of a mini-batch of whole sequences with respect to their inputs.

        The arguments are those of `gradient`; there is no dropout.

        Returns
        -------
        dx : ndarray of shape (steps, D)
            dloss/dx of all steps, one sequence after another in the order of ``batch.ids``. For symbols, x is the row
            of the embedding; without an embedding, x is the one-hot vector.

        Raises
        ------
        NotImplementedError
            If the network is not a `RecurrentNetwork`.
        """
        raise NotImplementedError(f"{type(self).__name__} computes no gradients with respect to inputs")


class RecurrentNetwork(Network):
    """Define networks of layers and a head, on any device, and compute losses and outputs from raw outputs.

    Parameters
    ----------
    layout : Layout
    head : HeadNumbers
    output : {"sequence", "step", "state", "features"}
        Whether the head has one output per sequence or per step. For a layout without a head: "state" means that only
        final states are computed, "features" that the outputs are the values that a head would read of each sequence.
    pooling : {"last", "mean", "max"}
        What the head reads of a sequence: the last layer's last state, or the mean or maximum of all its states.
    dtype : float32 or float64
    n_jobs : int
        Number of threads on the host.

    Attributes
    ----------
    work
        Object whose `useful_threads(data)` returns how many threads are worthwhile for a prediction.
    """

    outputs_at_once = 1 << 20  # most elements of outputs in memory while the losses of long texts are summed

    def __init__(self, layout, head, output, pooling, dtype, n_jobs):
        super().__init__(layout, dtype, tile_rows_of(layout), state_size_of(layout))
        self.head, self.per_step, self.pooling, self.n_jobs = head, output == "step", pooling, n_jobs
        directions = len(layout.prefixes(0))
        self.n_outputs = directions * layout.hidden_layer_sizes[-1] if output == "features" else layout.n_outputs

    @abstractmethod
    def like(self, layout):
        """Return a network with another layout, on the same device and with the same options."""

    def input_gradient(self, theta, data, targets, batch, given=None):
        """Compute the gradient of the loss with respect to the inputs; see `Network.input_gradient`."""
        return gradient_of_inputs(self, theta, data, targets, batch, given)

    @abstractmethod
    def predict_packed(self, data, state=None, raw=False, threads=1, masks=None):
        """Predict with the weights of the last `pack`, from any number of Python threads at once.

        `data`, `state`, `raw` and the results are those of `predict`.

        Parameters
        ----------
        threads : int
            Largest number of threads.
        masks : Masks, optional
            Dropout masks, for a forward pass as in training.
        """

    def predict(self, theta, data, state=None, raw=False):
        """Return the outputs of all sequences, and their final states.

        Parameters
        ----------
        theta : ndarray of shape (size,)
        data : SequenceSource
        state : ndarray of shape (N, state_size), optional
            Initial states: for each layer, and within it for each direction, s and (for an LSTM) the cell. If None,
            initial states are learned or zero.
        raw : bool
            Whether to return raw outputs, such as logits, instead of probabilities or values.

        Returns
        -------
        outputs : ndarray of shape (N, K), or (sum T, K) with an output per step
        state : ndarray of shape (N, state_size)
            States after the last steps.
        """
        self.pack(theta)
        return self.predict_packed(data, state, raw, min(self.n_jobs, self.work.useful_threads(data)))

    def loss(self, theta, data, targets):
        """Return the mean loss of all sequences without the L2 term, and the sum of weights; see `Network.loss`."""
        logits, _ = self.predict(theta, data, raw=True)
        return self.loss_of(logits, targets)

    def loss_of(self, logits, targets):
        """Return the mean loss of raw predictions, sum(w l) / sum(w), and sum(w); the loss is nan if sum(w) is 0."""
        goal = goal_of(targets, self.dtype)
        weight_sum = float(len(logits) if targets.weights is None else targets.weights.sum())
        parameter = self.dtype.type(self.head.parameter)  # of theta's dtype: only one specialisation is compiled
        total = losses.summed_loss(self.head.loss, parameter, logits.copy(), *goal[:-1])
        return (total / weight_sum if weight_sum else np.nan), weight_sum

    def summed_loss(self, data, targets, state=None, threads=1):
        """Return the sum of the losses of all steps with the weights of the last `pack`, and the final states.

        There must be one target per step, and all weights are 1. `state` has the same meaning as in `predict`;
        `threads` is the largest number of threads.
        """
        threads = min(threads, self.work.useful_threads(data))
        logits, state = self.predict_packed(data, state, True, threads)
        loss, count = self.loss_of(logits, targets)
        return loss * count, state

    def outputs_of(self, logits):
        """Return the probabilities (softmax, sigmoid) or values of raw predictions."""
        outputs = logits.copy()
        heads.apply_outputs(self.head.output, outputs)
        return outputs

    def predict_blocks(self, data, state, predict):
        """Return outputs and final states of sequences in files, which are read in parts (`data.blocks`).

        predict(sequences, state) is called with the sequences of a part and their rows of `state`; it returns outputs
        and final states like `RecurrentNetwork.predict`.
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
    """Hold dropout probabilities and the keys of masks that the caller has chosen."""

    dropout: float
    recurrent_dropout: float
    keys: np.ndarray  # (N,) int64: keys of the masks of all sequences

    def of(self, ids):
        """Return the dropout fields of `Data` for some sequences."""
        kept, kept_before = 1 - float(self.dropout), 1 - float(self.recurrent_dropout)
        return {"kept": kept, "kept_before": kept_before, "keys": self.keys[ids]}


class SolverStep(NamedTuple):
    """Hold dropout, and what an update needs after the gradient: L2 penalty, clipping and the solver's step."""

    rule: int  # constant of numrnn.kernels.cpu.updates; NO_STEP: only the gradient is computed
    state: dict  # the solver's arrays
    scalars: np.ndarray  # (mini-batches, ...): scalars of the rule for each step
    alpha: float = 0.0
    clip_norm: float | None = None
    dropout: float = 0.0  # probability that a unit is dropped from the states that a layer passes up
    recurrent_dropout: float = 0.0  # probability that a unit is dropped from the states that the next step reads
    seed: int = 0  # seed of the dropout masks, combined with the epoch
    epoch: int = 0
    masks: Masks | None = None  # dropout masks that replace those of seed and epoch

    def update_of(self, theta):
        """Return the arguments of kernels for an update: alpha, clip_norm, rule and the solver's two arrays."""
        clip_norm = np.inf if self.clip_norm is None else float(self.clip_norm)
        return float(self.alpha), clip_norm, self.rule, *state_arrays(self.state, theta)

    def masks_of(self, rows):
        """Return the dropout fields of `Data` for the sequences of mini-batches."""
        if self.masks is not None:
            return self.masks.of(rows.ids)
        if not (self.dropout or self.recurrent_dropout):
            return {}
        keys = mask_keys(self.seed, self.epoch, rows.ids, rows.skipped)
        return Masks(self.dropout, self.recurrent_dropout, keys).of(slice(None))

    @classmethod
    def none(cls, dtype, **dropout):
        """Return a step that changes nothing, to compute only a gradient; `dropout` sets further fields."""
        return cls(NO_STEP, {}, np.zeros((1, 0), dtype), **dropout)

    def without_update(self):
        """Return a step that changes nothing, with the dropout of this one."""
        names = "dropout", "recurrent_dropout", "seed", "epoch", "masks"
        return self.none(self.scalars.dtype, **{name: getattr(self, name) for name in names})


class TrainingRun(NamedTuple):
    """Hold the outcome of a call of `train`; arrays have an element for each mini-batch whose weights are not all 0."""

    outcome: str  # "done"; "interrupted" by Ctrl-C; "diverged": not finite at the element `done` of the arrays
    losses: np.ndarray  # values of the objective, including the L2 term
    norms: np.ndarray  # norms of the gradients, before clipping
    weight_sums: np.ndarray
    done: int  # number of solver's steps


@contextmanager
def always_current():
    """Yield a function that does nothing: the context `resident` of networks whose arrays are always on the host.

    Within the context `resident` of a network on a GPU, theta, the solver's state and all other arguments of `train`
    may be out of date between two calls, and must not be changed. The function that `resident` yields brings them up to
    date until the next call of `train`. The end of the context also brings them up to date, even after an exception.
    """
    yield lambda: None


def inputs_of(layout, data, rows, state, learning=False):
    """Return the sequences of mini-batches as Data or SymbolData, without dropout and given states.

    With `learning`, the result has room for the gradient of an embedding. `state` holds the states that chunks read and
    write; it has shape (0, state_size) if no states are carried. Raises ValueError if the steps of the data have
    another number of inputs than the network, or if sequences reach beyond the existing steps.
    """
    values, starts = data.gather(rows.ids)
    check_step_shape(layout, values)
    starts = starts + rows.skipped
    if (rows.lengths < 0).any() or (starts < 0).any() or (starts > len(values) - rows.lengths).any():
        raise ValueError(
            f"sequences lie outside the {len(values)} steps of values: offsets or values were changed; create the "
            "sequences again"
        )
    states = state, np.where(rows.begins, ~rows.ids, rows.ids), *np.zeros((2, 0, state.shape[1]), state.dtype)
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
    """Raise a ValueError if steps do not have the network's input shape, since kernels would read beyond the array."""
    expected = (layout.n_inputs,) if layout.n_symbols is None else ()
    if values.shape[1:] != expected:
        raise ValueError(f"a step has shape {values.shape[1:]}, but the network reads steps of shape {expected}")


def _most_steps(rows):
    """Return the largest number of steps of a mini-batch."""
    return int(np.add.reduceat(rows.lengths, rows.first[:-1]).max())


def embedding_gradient_bytes(layout, rows, dtype):
    """Return the bytes of an embedding's gradient in `inputs_of`: for each step, a row and an index for sorting."""
    if not layout.embedding_size:
        return 0
    return _most_steps(rows) * (layout.embedding_size * dtype.itemsize + np.dtype(np.int64).itemsize)


def target_rows(data, rows, per_step):
    """Return the index of the first target of each sequence of mini-batches; -1 if the target is in a later chunk."""
    if per_step:
        return data.offsets[rows.ids] + rows.skipped
    return np.where(rows.skipped + rows.lengths < data.lengths[rows.ids], -1, rows.ids)


def goal_of(targets, dtype, first_row=NO_INDEX):
    """Return targets for the kernels, with the index of each sequence's first target; `dtype` is the network's."""
    classes, values = targets.values, np.zeros((0, 0), dtype)
    if targets.values.ndim == 2:
        classes, values = NO_INDEX, targets.values
    weights = NO_WEIGHTS if targets.weights is None else targets.weights
    classes = np.ascontiguousarray(classes)
    return Goal(read_only(classes).view(np.uint8), classes.itemsize, read_only(values), read_only(weights), first_row)
