"""The work on one mini-batch: all that it reads and writes keeps its address, so it can be captured in a graph.

What differs between mini-batches of one shape lies on the card. The host brings the words of a mini-batch (see
`numrnn.network.cuda.batch_tables`) to where `take` and `learn` look for them, and has no other part.
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

FEWEST_RESULTS = 1 << 12  # the first calls of a fit have ever more mini-batches: graphs need not be made anew for that
HEAD = 2  # words before the scalars of the solver: number of the mini-batch, sum of its weights


class Settings(NamedTuple):
    """Of a call: with the shape of a mini-batch, all that its work depends on but the contents of arrays."""

    rule: int
    scalars: int  # of the rule
    alpha: float
    clip_norm: float  # infinity: none
    kept: float
    kept_before: float
    class_bytes: int
    weighted: bool
    given: bool  # states before the first steps
    carried: bool  # states, from one mini-batch to the next
    dgiven: bool  # gradients of the states before the first steps


class Theta(NamedTuple):
    """The vectors of a solver."""

    theta: object
    grad: object
    before: object
    first: object
    second: object


class Sources(NamedTuple):
    """What mini-batches are taken from."""

    values: tuple  # of `numrnn.network.cuda.inputs.gather`
    goal: Goal
    given: object  # (N, state_size) of all sequences, or None
    carried: object  # likewise; written


def places_of(sources):
    """What a graph that takes from some sources depends on: where they lie."""
    values, itemsize = sources.values
    return itemsize, *((address(array), array.shape) for array in (values, *_outputs(sources.goal)))


class Static(NamedTuple):
    """The arrays of a mini-batch."""

    words: object  # its words, and room behind them
    number: object  # (1,) int64
    weight_sum: object  # (1,) float64
    scalars: object  # of the rule
    batch: DeviceBatch
    read: Read
    targets: object  # (n,) int64: which of those of the goal belong to an output; -1: none
    goal: Goal
    given: object  # (N, state_size), or None
    carried: object  # likewise
    dgiven: object  # likewise


def heads_of(sums, scalars):
    """Heads of mini-batches, (mini-batches, words) int64, by their bits: number, sum of weights, scalars."""
    width = scalars.shape[1] * scalars.itemsize
    heads = np.zeros((len(sums), HEAD + -(-width // 8)), np.int64)
    heads[:, 0], heads[:, 1] = np.arange(len(sums)), sums.view(np.int64)
    heads.view(np.uint8)[:, 8 * HEAD : 8 * HEAD + width] = scalars.view(np.uint8).reshape(len(sums), width)
    return heads


def reserve(network, room, table, vectors, settings, goal, sequences):
    """Make room for the mini-batches of a call.

    Parameters
    ----------
    network : CudaNetwork
    room : Room
    table : Table
    vectors : Theta
        The host's.
    settings : Settings
    goal : Goal
    sequences : int
        Of the data.

    Returns
    -------
    bool
        Whether any array had to move.
    """
    return any(
        [
            reserve_batches(network, room, table, settings, goal, sequences),
            reserve_vectors(room, vectors, len(table.counts)),
        ]
    )


def reserve_batches(network, room, table, settings, goal, sequences):
    """Of that, what holds a mini-batch, and states."""
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
    """Of that, what the solver's steps of so many mini-batches need."""
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
    """The arrays of mini-batches of N sequences and R steps, from what was reserved.

    Returns
    -------
    Static
    """
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
    """Bring steps, targets and states of a mini-batch to where `learn` looks for them."""
    batch, xp = static.batch, arrays()
    take_steps(static, sources.values)
    take_goal(network, static, sources.goal)
    if static.given is not None:
        xp.take(sources.given, batch.numbers, axis=0, out=static.given)
    if static.carried is not None:
        xp.take(sources.carried, batch.numbers, axis=0, out=static.carried)


def take_steps(static, values):
    """Bring steps to where the forward pass looks for them; values as of `numrnn.network.cuda.inputs.gather`."""
    describe(static.batch)
    gather(values, static.batch.rows, static.read)


def take_goal(network, static, goal):
    """Likewise targets, and their weights."""
    target = static.batch.rows.target if network.per_step else static.batch.targets
    launch_each(take_targets, len(target), target, *goal[:4], static.targets, *_outputs(static.goal))


def _outputs(goal):
    return goal.classes, goal.values, goal.weights


class Update:
    """What follows a gradient: the L2 term, clipping, a step of the solver.

    Parameters
    ----------
    room : Room
    settings : Settings
    vectors : Theta
        On the card.
    """

    def __init__(self, room, settings, vectors):
        self._settings, self._vectors = settings, vectors
        self._decays, self._status = room.view("decays", vectors.theta.size), room.view("status", 1)
        self._partial, self._results = room.view("partial", 4, updates.BLOCKS), room.view("results", -1, 2)

    def make(self, static, losses):
        """Make it, after a mini-batch whose outputs have some losses."""
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
    """What is done with a mini-batch that has been taken.

    Parameters
    ----------
    network : CudaNetwork
    room : Room
    settings : Settings
    vectors : Theta
        On the card.
    """

    def __init__(self, network, room, settings, vectors):
        self._network, self._grad = network, vectors.grad
        self._passes, self._update = Passes(network, settings, *vectors[:2]), Update(room, settings, vectors)

    def learn(self, learns, static, carried):
        """Forward, losses, backward, a step of the solver.

        Parameters
        ----------
        learns : bool
            Whether any step has a target; without one, states are carried on and that is all.
        static : Static
        carried : device array of shape (sequences, state_size), or None
            States after the last steps go there.
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
    """Forward and backward through a network.

    Parameters
    ----------
    network : CudaNetwork
    settings : Settings
    theta, grad : device arrays
        The network's part of a solver's.
    """

    def __init__(self, network, settings, theta, grad):
        self.network, self._settings = network, settings
        self._weights, self._gradient = map(network.layout.views, (theta, grad))

    def forward(self, static, given=None, carried=None):
        """Inputs and levels of a mini-batch; states as of `CudaNetwork.starts`."""
        network, settings, batch = self.network, self._settings, static.batch
        starts = network.starts(self._weights, batch, given, carried)
        inputs = Inputs(network.layout, static.read, self._weights, batch, settings.kept)
        levels = network._layers.forward(self._weights, batch, inputs, starts, settings.kept, settings.kept_before)
        return inputs, levels

    def states(self, levels):
        """States after the last steps, (N, state_size)."""
        return self.network.columns([s.last for level in levels for s in level.states])

    def head(self, static, levels):
        """Losses of the outputs, gradients of V and c; those of the states in all steps, or None, and of the last."""
        network, weights, kept = self.network, self._weights, self._settings.kept
        head, batch, lasts = network._head, static.batch, network.lasts(static.batch)
        read, reached = head.read(batch, levels[-1], kept)
        logits = head.logits(weights, read)
        losses = head.losses(logits, static.targets, static.goal, static.weight_sum)
        last = lasts[len(lasts) - len(levels[-1].tapes) :]
        ds = head.backward(weights, batch, levels[-1], read, reached, logits, kept, self._gradient, last)
        return losses, ds, lasts

    def backward(self, static, inputs, levels, ds, lasts):
        """Gradients of the layers' parameters, zeros before; those of the states before the first steps."""
        return self.network._layers.backward(
            self._weights, static.batch, inputs, levels, ds, lasts, self._settings.kept, self._gradient
        )

    def gradient_of_starts(self, batch, firsts):
        """Of learned ones: of sequences that begin."""
        layout, kinds = self.network.layout, self.network._layers.kinds
        if layout.initial_state != "learned" or self._settings.given:
            return
        begins = batch.begins.astype(self.network.dtype)
        prefixes = [prefix for n in range(len(layout.hidden_layer_sizes)) for prefix in layout.prefixes(n)]
        for prefix, first in zip(prefixes, firsts, strict=True):
            for kind, name in enumerate(("s_0", "cell_0")[:kinds]):
                multiply(begins, first[kind], self._gradient[f"{prefix}{name}"])
