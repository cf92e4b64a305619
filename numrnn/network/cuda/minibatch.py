"""Process one mini-batch in arrays with fixed addresses, so that the work can be captured as a graph.

All values that differ between mini-batches of the same shape are in arrays on the GPU. The host only copies the words
of a mini-batch (see `numrnn.network.cuda.batch_tables`) to the array from which `take` and `learn` read them.
"""

from typing import NamedTuple

import numpy as np

from numrnn.kernels.cpu.tile.forward import Goal
from numrnn.kernels.cpu.updates import NO_STEP
from numrnn.kernels.cuda import updates
from numrnn.kernels.cuda.heads import take_targets
from numrnn.kernels.cuda.rows import Rows
from numrnn.network.cuda.batch_tables import DeviceBatch, batch_in, describe
from numrnn.network.cuda.cublas import multiply
from numrnn.network.cuda.device import address, arrays, launch, launch_each
from numrnn.network.cuda.inputs import Inputs, Read, gather

FEWEST_RESULTS = 1 << 12  # mini-batches that always have room: a fit's growing first calls then keep their graphs
HEAD = 2  # number of words before the solver's scalars: number of the mini-batch, sum of its weights


class Settings(NamedTuple):
    """Hold the settings of a call of `train`.

    With the shape of a mini-batch, they determine all its work except the contents of arrays.
    """

    rule: int  # constant of numrnn.kernels.cpu.updates
    scalars: int  # number of the rule's scalars
    alpha: float
    clip_norm: float  # infinity means no clipping
    kept: float  # keep probability of states that are passed up
    kept_before: float  # keep probability of states that the next step reads
    class_bytes: int  # bytes of a class among the targets
    weighted: bool  # whether targets have weights
    given: bool  # whether initial states are given
    carried: bool  # whether states are carried from one mini-batch to the next
    dgiven: bool  # whether the gradients of initial states are returned


class Theta(NamedTuple):
    """Hold the vectors that a solver's step reads and changes."""

    theta: object
    grad: object
    before: object
    first: object
    second: object


class Sources(NamedTuple):
    """Hold the arrays from which mini-batches are taken."""

    values: tuple  # the source of `numrnn.network.cuda.inputs.gather`
    goal: Goal
    given: object  # (N, state_size): initial states of all sequences, or None
    carried: object  # (N, state_size): carried states of all sequences, which are overwritten, or None


def places_of(sources):
    """Return the addresses and shapes of sources, on which a graph that reads them depends."""
    values, itemsize = sources.values
    return itemsize, *((address(array), array.shape) for array in (values, *_outputs(sources.goal)))


class Static(NamedTuple):
    """Hold the arrays of a mini-batch, whose addresses are fixed."""

    words: object  # words of the mini-batch, with unused room at the end
    number: object  # (1,) int64: number of the mini-batch
    weight_sum: object  # (1,) float64: sum of the weights
    scalars: object  # the rule's scalars
    batch: DeviceBatch
    read: Read
    targets: object  # (n,) int64: index of an output's target in the goal; -1: none
    goal: Goal
    given: object  # (N, state_size): initial states, or None
    carried: object  # (N, state_size): carried states, or None
    dgiven: object  # (N, state_size): gradients of initial states, or None


def heads_of(sums, scalars):
    """Return the heads (mini-batches, words), int64: the bits of each mini-batch's number, weight sum and scalars."""
    width = scalars.shape[1] * scalars.itemsize
    heads = np.zeros((len(sums), HEAD + -(-width // 8)), np.int64)
    heads[:, 0], heads[:, 1] = np.arange(len(sums)), sums.view(np.int64)
    heads.view(np.uint8)[:, 8 * HEAD : 8 * HEAD + width] = scalars.view(np.uint8).reshape(len(sums), width)
    return heads


def reserve(network, room, table, vectors, settings, goal, sequences):
    """Make room for the mini-batches of a call; return True if the address of any array changed."""
    return any(
        [
            reserve_batches(network, room, table, settings, goal, sequences),
            reserve_vectors(room, vectors, len(table.counts)),
        ]
    )


def reserve_batches(network, room, table, settings, goal, sequences):
    """Make room for a mini-batch and for states; return True if the address of any array changed."""
    layout, dtype, integer, real = network.layout, network.dtype, np.dtype(np.int64), np.dtype(np.float64)
    N, R = int(table.counts.max()), int(table.sizes.max())
    outputs = R if network.per_step else N
    states = network.state_size * settings.carried, network.state_size * settings.given
    symbols = R if layout.n_symbols else 0
    wanted = [
        ("words", int(np.diff(table.places).max()), integer),
        ("rows", len(Rows._fields) * R, integer),
        ("x", 0 if symbols else R * layout.n_inputs, dtype),
        ("symbols", symbols, integer),
        ("order", symbols, integer),
        ("first_of_symbol", layout.n_symbols + 1 if symbols else 0, integer),
        ("targets", outputs, integer),
        ("classes", outputs * goal.class_bytes if goal.classes.size else 0, np.dtype(np.uint8)),
        ("values", outputs * goal.values.shape[1], dtype),
        ("weights", outputs * settings.weighted, real),
        ("all_carried", sequences * states[0], dtype),
        ("all_given", sequences * states[1], dtype),
        ("carried", N * states[0], dtype),
        ("given", N * states[1], dtype),
        ("dgiven", N * network.state_size * settings.dgiven, dtype),
    ]
    return any([room.reserve(*array) for array in wanted])


def reserve_vectors(room, vectors, batches):
    """Make room for the solver's steps of `batches` mini-batches; return True if the address of any array changed."""
    real = np.dtype(np.float64)
    wanted = [
        *((name, host.size, host.dtype) for name, host in zip(Theta._fields, vectors, strict=True)),
        ("decays", vectors.theta.size, np.dtype(np.int8)),
        ("partial", 4 * updates.BLOCKS, real),
        ("results", 2 * max(batches, FEWEST_RESULTS), real),
        ("status", 1, np.dtype(np.int64)),
    ]
    return any([room.reserve(*array) for array in wanted])


def static_of(network, room, settings, goal, head, N, R):
    """Return the arrays of mini-batches of N sequences and R steps, which are views of the reserved memory."""
    layout, words = network.layout, room.view("words", -1)
    rows = Rows(*room.view("rows", len(Rows._fields), R))
    if layout.n_symbols is None:
        read = Read(room.view("x", R, layout.n_inputs), None, None, None)
    else:
        symbols, order = room.view("symbols", R), room.view("order", R)
        read = Read(None, symbols, order, room.view("first_of_symbol", layout.n_symbols + 1))
    n = R if network.per_step else N
    classes = room.view("classes", n * goal.class_bytes if goal.classes.size else 0)
    values = room.view("values", n if goal.values.shape[1] else 0, goal.values.shape[1])
    weights = room.view("weights", n * settings.weighted)
    states = (
        room.view(name, N, network.state_size) if getattr(settings, name) else None
        for name in ("given", "carried", "dgiven")
    )
    scalars = words[HEAD:head].view(network.dtype)[: settings.scalars]
    batch = batch_in(words, head, N, rows)
    goal = Goal(classes, goal.class_bytes, values, weights, None)
    sum_ = words[1:2].view(np.float64)
    return Static(words, words[:1], sum_, scalars, batch, read, room.view("targets", n), goal, *states)


def take(network, static, sources):
    """Copy steps, targets and states of a mini-batch to the arrays from which `learn` reads them."""
    batch, xp = static.batch, arrays()
    take_steps(static, sources.values)
    take_goal(network, static, sources.goal)
    if static.given is not None:
        xp.take(sources.given, batch.numbers, axis=0, out=static.given)
    if static.carried is not None:
        xp.take(sources.carried, batch.numbers, axis=0, out=static.carried)


def take_steps(static, values):
    """Copy steps to the arrays from which the forward pass reads them; `values` is the source of `inputs.gather`."""
    describe(static.batch)
    gather(values, static.batch.rows, static.read)


def take_goal(network, static, goal):
    """Copy targets and their weights to the arrays from which the losses read them."""
    target = static.batch.rows.target if network.per_step else static.batch.targets
    launch_each(take_targets, len(target), target, *goal[:4], static.targets, *_outputs(static.goal))


def _outputs(goal):
    return goal.classes, goal.values, goal.weights


class Update:
    """Add the L2 term to a gradient, clip it and perform the solver's step; `vectors` are on the GPU."""

    def __init__(self, room, settings, vectors):
        self._settings, self._vectors = settings, vectors
        self._decays, self._status = room.view("decays", vectors.theta.size), room.view("status", 1)
        self._partial, self._results = room.view("partial", 4, updates.BLOCKS), room.view("results", -1, 2)

    def make(self, static, losses):
        """Update theta after a mini-batch, given the losses of its outputs."""
        settings, vectors, blocks, threads = self._settings, self._vectors, updates.BLOCKS, updates.THREADS
        launch(
            updates.weigh, blocks, threads, settings.alpha, vectors.theta, self._decays, vectors.grad, losses,
            self._partial,
        )  # fmt: skip
        launch(
            updates.update, blocks, threads, static.number, static.weight_sum, settings.alpha, settings.clip_norm,
            settings.rule, static.scalars, *vectors, self._partial, self._results, self._status,
        )  # fmt: skip
        if settings.rule != NO_STEP:
            launch(updates.settle, 1, 1, static.number, self._partial, self._status)


class Work:
    """Train on a mini-batch that `take` has copied; `vectors` are on the GPU."""

    def __init__(self, network, room, settings, vectors):
        self._network, self._grad = network, vectors.grad
        self._passes, self._update = Passes(network, settings, *vectors[:2]), Update(room, settings, vectors)

    def learn(self, learns, static, carried):
        """Run forward pass, losses, backward pass and solver's step.

        If no step has a target (`learns` is False), only states are computed. States after the last steps are written
        to `carried` (sequences, state_size), unless it is None.
        """
        network, batch, passes = self._network, static.batch, self._passes
        inputs, levels = passes.forward(static, static.given, static.carried)
        if carried is not None:
            carried[batch.numbers] = passes.states(levels)
        if not learns:
            return
        self._grad[:] = 0
        if network.layout.n_outputs:
            losses, ds, lasts = passes.head(static, levels)
        else:
            given = arrays().where((static.targets >= 0)[:, None], static.goal.values, 0)
            losses, ds, lasts = arrays().zeros(1), None, network.lasts(batch, given)
        firsts = passes.backward(static, inputs, levels, ds, lasts)
        if static.dgiven is not None:
            static.dgiven[:] = network.columns(firsts)
        passes.gradient_of_starts(batch, firsts)
        self._update.make(static, losses)


class Passes:
    """Run a network forward and backward; `theta` and `grad` are the network's parts of a solver's vectors."""

    def __init__(self, network, settings, theta, grad):
        self.network, self._settings = network, settings
        self._weights, self._gradient = map(network.layout.views, (theta, grad))

    def forward(self, static, given=None, carried=None):
        """Return inputs and levels of a mini-batch; see `CudaNetwork.starts` for `given` and `carried`."""
        network, settings, batch = self.network, self._settings, static.batch
        starts = network.starts(self._weights, batch, given, carried)
        inputs = Inputs(network.layout, static.read, self._weights, batch, settings.kept)
        levels = network._layers.forward(self._weights, batch, inputs, starts, settings.kept, settings.kept_before)
        return inputs, levels

    def states(self, levels):
        """Return the states after the last steps, (N, state_size)."""
        return self.network.columns([s.last for level in levels for s in level.states])

    def head(self, static, levels):
        """Return the losses of outputs, and the gradients of states in all steps (or None) and after the last steps.

        The gradients of V and c are written to `grad`.
        """
        network, weights, kept = self.network, self._weights, self._settings.kept
        head, batch, lasts = network._head, static.batch, network.lasts(static.batch)
        read, reached = head.read(batch, levels[-1], kept)
        logits = head.logits(weights, read)
        losses = head.losses(logits, static.targets, static.goal, static.weight_sum)
        last = lasts[len(lasts) - len(levels[-1].tapes) :]
        ds = head.backward(weights, batch, levels[-1], read, reached, logits, kept, self._gradient, last)
        return losses, ds, lasts

    def backward(self, static, inputs, levels, ds, lasts):
        """Write the gradients of the layers' parameters to `grad`, which held zeros; return those of initial states."""
        return self.network._layers.backward(
            self._weights, static.batch, inputs, levels, ds, lasts, self._settings.kept, self._gradient
        )

    def gradient_of_starts(self, batch, firsts):
        """Compute the gradients of learned initial states from the gradients of sequences that begin."""
        layout, kinds = self.network.layout, self.network._layers.kinds
        if layout.initial_state != "learned" or self._settings.given:
            return
        begins = batch.begins.astype(self.network.dtype)
        prefixes = [prefix for n in range(len(layout.hidden_layer_sizes)) for prefix in layout.prefixes(n)]
        for prefix, first in zip(prefixes, firsts, strict=True):
            for kind, name in enumerate(("s_0", "cell_0")[:kinds]):
                multiply(begins, first[kind], self._gradient[f"{prefix}{name}"])
