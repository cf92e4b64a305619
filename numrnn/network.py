"""Layers and head over mini-batches: losses with their gradients, whole epochs of updates, and predictions.

Threads share out the work; they stay in compiled code (see docs/design/threads.rst).
"""

from typing import NamedTuple

import numpy as np

from numrnn.data.batches import Batch, Rows, longest_first
from numrnn.data.random import mask_keys
from numrnn.kernels.cpu import atomics, heads, packing, teams, tiles, updates
from numrnn.kernels.cpu import batches as kernels
from numrnn.kernels.cpu.inputs import Data, SymbolData
from numrnn.kernels.cpu.net import Layer
from numrnn.kernels.cpu.simd import WIDE as WIDE_PANELS
from numrnn.kernels.cpu.simd import panel_width
from numrnn.kernels.jit import read_only
from numrnn.parameters import GATES
from numrnn.placement import aligned_zeros, make_net, make_scratch, make_whole_scratch
from numrnn.solvers.base import state_arrays
from numrnn.threads import run_threads

WIDE = 512  # gate outputs (G H) from which a tile has 16 rows: W no longer stays in L1 then
FLOPS_PER_CALL = 2e9  # a guess of what may run between two looks at signals; then the clock decides
FLOPS_PER_TILE_STEP = 2e4  # what the smallest step costs in time: 1 us or so
FEWEST_ROWS = 4  # fewer take as long: W comes from memory then
FLOPS_PER_THREAD = 4e5  # less than this is not worth another thread
KEPT_BYTES = 1 << 20  # memory of a call is kept for the next up to this size, or that of the weights
FLOPS_PER_CALLED_THREAD = 1e7  # likewise where a pool has to be asked for every prediction: 50 us
FLOPS_PER_MEMBER = 1e5  # likewise of a step whose units threads share: to meet takes 0.2 us
NODES_PER_THREAD = 2  # shares of a mini-batch that threads claim: more even out, but each needs a gradient's memory
FLOPS_PER_OUTPUT = 16  # what a softmax and its loss cost in time
NO_INDEX, NO_WEIGHTS = np.zeros(0, np.int64), np.zeros(0)


class Network:
    """A network of one architecture; holds no parameters, only where things lie.

    Parameters
    ----------
    layout : Layout
    activation : {"tanh", "relu"}
        Of an Elman cell.
    head : {"softmax", "sigmoid", "identity"}
        Output function, with cross-entropy, cross-entropy per output, squared error.
    output : {"sequence", "step", "state", "features"}
        A layout without outputs gives its final states alone, or with them what a head would read of a sequence.
    pooling : {"last", "mean", "max"}
        What the head reads of a sequence: the last layer's last state, or the mean or the maximum of all its states.
    dtype : float32 or float64
    n_jobs : int
        Threads; the results have the same bits for any number.
    """

    def __init__(
        self,
        layout,
        *,
        activation="tanh",
        head="softmax",
        output="sequence",
        pooling="last",
        dtype=np.float32,
        n_jobs=1,
    ):
        self.layout, self.n_jobs, self.dtype = layout, n_jobs, np.dtype(dtype)
        gates, directions = GATES[layout.cell], len(layout.prefixes(0))
        self.per_step, self.pooling = output == "step", pooling
        self._net, self._gradient_size = make_net(layout, activation, head, self.per_step, self.dtype, pooling)
        self._make_scratch = make_whole_scratch if layout.bidirectional else make_scratch
        self.n_outputs = layout.n_outputs
        if output == "features":
            self.n_outputs = directions * layout.hidden_layer_sizes[-1]
        self.tile_rows = 16 if gates * max(layout.hidden_layer_sizes) >= WIDE else 8
        self.state_size = directions * sum(layout.hidden_layer_sizes) * (2 if layout.cell == "lstm" else 1)
        sizes = layout.hidden_layer_sizes
        widths = (0 if layout.picks_rows_of_U else layout.n_inputs, *(directions * H for H in sizes))
        self._flops_per_step = sum(2 * directions * gates * H * (H + D) for D, H in zip(widths, sizes, strict=False))
        if self.per_step:
            self._flops_per_step += 2 * layout.n_outputs * (widths[-1] + FLOPS_PER_OUTPUT)
        panels = -(-max(layout.hidden_layer_sizes) // panel_width(dtype))
        self._largest_team = min(teams.MOST, panels // WIDE_PANELS)
        self.kept_bytes = KEPT_BYTES
        self._memory, self._spare = {}, {}

    def __getstate__(self):
        return {**self.__dict__, "_memory": {}, "_spare": {}}

    def gradient(self, theta, data, targets, batch, grad, state=None, dstate=None, masks=None):
        """Loss of a mini-batch, without the L2 term, and its gradient.

        Parameters
        ----------
        theta : ndarray of shape (size,)
        data : Sequences
        targets : Targets
            Of a network without a head: as values (N, state_size) what is to be propagated back, dloss/d(states after
            the last steps), and no weights.
        batch : Batch
        grad : ndarray of shape (size,)
            Overwritten with dloss/dtheta.
        state : ndarray of shape (N, state_size), optional
            States before the first steps of all sequences; None: learned ones, or zeros.
        dstate : ndarray of shape (N, state_size), optional
            The rows of the mini-batch's sequences are overwritten with dloss/dstate; theta's dtype, contiguous.
        masks : Masks, optional
            Of dropout; None: there is none.

        Returns
        -------
        loss : float
            sum(w l) / sum(w); nan where sum(w) is 0 (then gradients are 0); 0.0 without a head.
        weight_sum : float
        """
        if dstate is not None:
            dstate[batch.ids] = 0
        gradient_only = Step(updates.NO_STEP, {}, np.zeros((1, 0), self.dtype), masks=masks)
        run = self.train(theta, data, targets, [batch], gradient_only, grad, theta, given=state, dgiven=dstate)
        if run.outcome == "interrupted":
            raise KeyboardInterrupt
        if not len(run.losses):
            grad[:] = 0
            return np.nan, 0.0
        return float(run.losses[0]), float(run.weight_sums[0])

    def train(self, theta, data, targets, batches, step, grad, before, state=None, given=None, dgiven=None):
        """Make a step of a solver for each of some mini-batches; those whose weights are all 0 are left out.

        Parameters
        ----------
        theta : ndarray of shape (size,)
            Changed in place. Where loss, gradient or the new theta are not finite, it is taken back to where they were.
        data : Sequences
        targets : Targets
        batches : list of Batch
        step : Step
            What follows a gradient.
        grad : ndarray of shape (size,)
            Receives the last mini-batch's gradient, as the solver took it.
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
        Run
        """
        rows = Rows(batches, data.lengths)
        goal = self._goal(targets, self._targets_of(rows, data))
        sums = np.zeros(len(batches))
        if self.layout.n_outputs:
            kernels.weight_sums(rows.first, goal, rows.lengths, self.per_step, sums)
        else:
            sums[:] = 1
        if not sums.all():
            # Left out, unless states have to be carried through.
            kept = [n for n, batch in enumerate(batches) if sums[n] > 0 or batch.steps is not None]
            batches, sums = [batches[n] for n in kept], sums[kept]
            rows = Rows(batches, data.lengths) if batches else None
            goal = goal._replace(first=self._targets_of(rows, data)) if batches else None
        if not batches or not (sums.any() or rows.carried):
            return Run("done", sums, sums, sums, 0)
        job, threads = self._job(rows.first, rows.lengths, sums)
        update = self._update(theta, grad, before, step, sums)
        packing.pack_weights(self._net, theta)
        inputs = self._inputs(data, rows, state, learning=True)
        if given is not None:
            inputs = inputs._replace(given=np.require(given, self.dtype, "CAW"))
        if dgiven is not None:
            inputs = inputs._replace(dgiven=dgiven)
        if step.masks is not None:
            inputs = inputs._replace(**step.masks.of(rows.ids))
        elif step.dropout or step.recurrent_dropout:
            keys = mask_keys(step.seed, step.epoch, rows.ids, rows.skipped)
            inputs = inputs._replace(**Masks(step.dropout, step.recurrent_dropout, keys).of(slice(None)))
        longest = int(rows.lengths.max())

        def work(index, budget):
            scratch, levels = self._memory_of(index, longest, job.node_tiles)
            return kernels.run_batches(self._net, inputs, goal, job, update, scratch, levels, budget)

        outcome = run_threads(work, threads, self._budget(3, longest * job.node_tiles, self.tile_rows), job.board)
        done = int(job.board[atomics.DONE])
        if job.board[atomics.DIVERGED]:
            outcome = "diverged"
        if outcome == "diverged":
            theta[:] = before
        done -= np.count_nonzero(sums[:done] == 0)
        return Run(outcome, update.losses[sums > 0], update.norms[sums > 0], sums[sums > 0], done)

    def _targets_of(self, rows, data):
        """Where the targets of the sequences of mini-batches begin; -1: that of a sequence is in a later chunk."""
        if self.per_step:
            return data.offsets[rows.ids] + rows.skipped
        return np.where(rows.skipped + rows.lengths < data.lengths[rows.ids], -1, rows.ids)

    def _inputs(self, data, rows, state=None, learning=False):
        """The sequences of mini-batches for the kernels, with room for an embedding's gradient where it is learnt."""
        values, starts = data.gather(rows.ids)
        starts = starts + rows.skipped
        if state is None or not rows.carried:
            state = np.zeros((len(data) if rows.carried else 0, self.state_size), self.dtype)
        states = state, np.where(rows.skipped > 0, rows.ids, ~rows.ids), *np.zeros((2, 0, self.state_size), self.dtype)
        if self.layout.n_symbols is None:
            return Data(read_only(values).reshape(-1), starts, rows.lengths, *states, 1.0, 1.0, NO_INDEX)
        steps = 0
        if learning and self.layout.embedding_size:
            steps = int(np.add.reduceat(rows.lengths, rows.first[:-1]).max())
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
            np.empty(steps * (self.layout.embedding_size or 0), self.dtype),
            np.empty(steps, np.int64),
            np.empty(self.layout.n_symbols + 2, np.int64),
        )

    def _job(self, first, lengths, weight_sums):
        """Lay out mini-batches for the threads; returns the job and the number of threads that it is worth."""
        tile_counts = -(-np.diff(first) // self.tile_rows)
        flops = 3 * self._flops_per_step * lengths.sum() / len(tile_counts)
        threads = int(max(1, min(self.n_jobs, tile_counts.max(), flops // FLOPS_PER_THREAD)))
        nodes = 1 if threads == 1 else NODES_PER_THREAD * threads
        node_tiles = 1 << int(-(-tile_counts.max() // nodes) - 1).bit_length()
        node_counts = -(-tile_counts // node_tiles)
        job = kernels.Job(
            np.arange(len(lengths)),
            first,
            np.concatenate([[0], np.cumsum(tile_counts)]),
            np.concatenate([[0], np.cumsum(node_counts)]),
            node_tiles,
            self.tile_rows,
            weight_sums,
            np.zeros(tile_counts.sum()),
            self._node_memory(int(node_counts.max())),
            np.zeros(atomics.BOARD_SIZE, np.int64),
            np.zeros(len(tile_counts), np.int64),
            np.zeros(2 * len(tile_counts), np.int64),
            np.zeros(2 * len(tile_counts), np.int64),
        )
        return job, threads

    def _update(self, theta, grad, before, step, sums):
        first, second = state_arrays(step.state, theta)
        clip_norm = np.inf if step.clip_norm is None else float(step.clip_norm)
        scalars = np.ascontiguousarray(step.scalars[np.maximum(np.cumsum(sums > 0) - 1, 0)], theta.dtype)
        results, squares = np.full((2, len(sums)), np.nan), np.zeros((2, len(self._net.pieces)))
        return kernels.Update(
            theta, grad, before, float(step.alpha), clip_norm, step.rule, first, second, scalars, *results, *squares
        )

    def predict(self, theta, data, state=None, raw=False):
        """Outputs of all sequences.

        Parameters
        ----------
        theta : ndarray of shape (size,)
        data : Sequences
        state : ndarray of shape (N, state_size), optional
            States before the first steps, layer after layer, in each its directions, an LSTM's cell after its s;
            None: learned ones, or zeros.
        raw : bool
            Logits instead of probabilities or values.

        Returns
        -------
        outputs : ndarray of shape (N, K), or (sum T, K) with an output per step
        state : ndarray of shape (N, state_size)
            States after the last steps.
        """
        self.pack(theta)
        return self.predict_packed(data, state, raw, min(self.n_jobs, self.useful_threads(data)))

    @property
    def net(self):
        """The kernels' record of the network."""
        return self._net

    def pack(self, theta):
        """Take the weights that `predict_packed` works with."""
        packing.pack_weights(self._net, theta)

    def first_state(self):
        """States of a sequence before its first step, (1, state_size): learned ones of the last `pack`, or zeros."""
        parts = []
        for fields in self._net.layers.tolist():
            layer = Layer(*fields)
            for kind in range(1 + layer.cells):
                at = layer.s_0 + kind * layer.HP
                learned = self._net.packed[at : at + layer.H]
                parts.append(learned if layer.s_0 >= 0 else np.zeros(layer.H, self.dtype))
        return np.concatenate(parts)[None]

    def predict_packed(self, data, state=None, raw=False, threads=1, in_teams=None, masks=None):
        """`predict` with the weights of the last `pack`: from any number of Python threads at once.

        in_teams : bool, optional
            Threads share the units of a tile; None: where that is faster.
        masks : Masks, optional
            Of dropout, for a forward pass as training makes it; no threads share a tile then.
        """
        lengths = data.lengths
        ids, order = np.arange(len(lengths)), longest_first(lengths)
        before = np.zeros((0, 0), self.dtype) if state is None else np.array(state, self.dtype, order="C")
        job = _Prediction(
            order,
            self._inputs(data, Rows([Batch(ids)], lengths))._replace(state=before, state_rows=ids),
            data.offsets[ids] if self.per_step else ids,
            raw,
            self.tile_rows if len(ids) > 1 else 1,
            int(lengths[order[0]]),
            np.empty((len(ids), self.state_size), self.dtype),
            np.empty((data.offsets[-1] if self.per_step else len(ids), self.n_outputs), self.dtype),
            np.zeros(atomics.BOARD_SIZE, np.int64),
        )
        tile_count = -(-len(ids) // job.tile_rows)
        if masks is not None:
            job, in_teams = job._replace(data=job.data._replace(**masks.of(ids))), False
        if in_teams is None:
            in_teams = self.team_size(len(ids)) > 1 and threads >= 2 * tile_count
        if in_teams:
            outcome = self._run_teams(job, tile_count, threads)
        else:
            outcome = self._run_tiles(job, min(threads, tile_count))
        if outcome == "interrupted":
            raise KeyboardInterrupt
        return job.out, job.after

    def _run_tiles(self, job, threads):
        """A tile is one thread's."""

        def work(index, budget):
            scratch = self._take_scratch(job)
            finished = kernels.predict_tiles(
                self._net, job.data, job.order, job.first_row, job.raw, job.tile_rows, scratch, job.after, job.out,
                job.board, budget,
            )  # fmt: skip
            self._give_scratch(job, scratch)
            return finished

        return run_threads(work, threads, self._budget(1, job.longest, job.tile_rows), job.board)

    def _run_teams(self, job, tile_count, threads):
        """All threads go from tile to tile, each from another on, and join in."""
        scratches = [self._take_scratch(job) for _ in range(tile_count)]
        meetings = np.zeros((tile_count, teams.TEAM_SIZE), np.int64)
        most = self.team_size(len(job.order))

        def work(index, budget):
            for i in range(index, index + tile_count):
                tile = i % tile_count
                ids = job.order[tile * job.tile_rows : (tile + 1) * job.tile_rows]
                teams.predict_in_team(
                    self._net, job.data, ids, job.first_row, job.raw, job.tile_rows, scratches[tile], job.after,
                    job.out, job.board, meetings[tile], most,
                )  # fmt: skip
            return True

        outcome = run_threads(work, threads, self._budget(tile_count, job.longest, job.tile_rows), job.board)
        for scratch in scratches:
            self._give_scratch(job, scratch)
        return outcome

    def useful_threads(self, data):
        """How many threads predictions of these sequences are worth."""
        flops = self._flops_per_step * int(data.offsets[-1])
        at_once = -(-len(data) // self.tile_rows) * self.team_size(len(data))
        return int(max(1, min(at_once, flops // FLOPS_PER_CALLED_THREAD)))

    def team_size(self, sequences):
        """How many threads may share the units of a tile; 1: a tile is one thread's."""
        if self.layout.n_symbols is not None or self.layout.bidirectional or self.pooling != "last":
            return 1
        flops = min(sequences, self.tile_rows) * self._flops_per_step
        return int(max(1, min(self._largest_team, flops // FLOPS_PER_MEMBER)))

    def fits_one_call(self, steps):
        """Whether signals may wait until a sequence of so many steps is done."""
        return self._budget(1, steps, 1) > 0

    @property
    def steps_per_call(self):
        """Steps of one sequence, at least 1, for which signals may wait."""
        return max(1, self._steps_per_call(1, 1))

    def _take_scratch(self, job):
        """Memory to predict with, of a call that is over, or new; pop and append are atomic."""
        try:
            scratch = self._spare[job.tile_rows].pop()
        except (KeyError, IndexError):
            scratch = None
        if scratch is None or len(scratch.active) < job.longest:
            scratch = self._make_scratch(self._net, job.tile_rows, job.longest, one_block=True)
        return scratch

    def _give_scratch(self, job, scratch):
        size = scratch.work.nbytes + scratch.active.nbytes + scratch.blocks.nbytes
        if size <= max(self.kept_bytes, self._net.packed.nbytes):
            self._spare.setdefault(job.tile_rows, []).append(scratch)

    def loss(self, theta, data, targets):
        """Loss of all sequences without the L2 term, by the forward pass alone: (sum(w l) / sum(w), sum(w))."""
        logits, _ = self.predict(theta, data, raw=True)
        return self.loss_of(logits, targets)

    def loss_of(self, logits, targets):
        """Loss of raw predictions: (sum(w l) / sum(w), sum(w)); nan where sum(w) is 0."""
        goal = self._goal(targets, NO_INDEX)
        weight_sum = float(len(logits) if targets.weights is None else targets.weights.sum())
        total = heads.summed_loss(self._net.head[0], logits.copy(), *goal[:-1])
        return (total / weight_sum if weight_sum else np.nan), weight_sum

    def outputs_of(self, logits):
        """Probabilities (softmax, sigmoid) or values of raw predictions."""
        outputs = logits.copy()
        heads.apply_outputs(self._net.head[0], outputs)
        return outputs

    def _goal(self, targets, first_row):
        classes, values = targets.values, np.zeros((0, 0), self.dtype)
        if targets.values.ndim == 2:
            classes, values = NO_INDEX, targets.values
        weights = NO_WEIGHTS if targets.weights is None else targets.weights
        classes = np.ascontiguousarray(classes)
        return tiles.Goal(
            read_only(classes).view(np.uint8), classes.itemsize, read_only(values), read_only(weights), first_row
        )

    def _budget(self, passes, longest, tile_rows):
        """Steps of a tile after which the main thread leaves compiled code; 0 where a share of the work is longer."""
        steps = self._steps_per_call(passes, tile_rows)
        return steps if longest <= steps else 0

    def _steps_per_call(self, passes, tile_rows):
        flops = max(FLOPS_PER_TILE_STEP, passes * self._flops_per_step * max(FEWEST_ROWS, tile_rows))
        return int(FLOPS_PER_CALL / flops)

    def _memory_of(self, thread, longest, node_tiles):
        """Scratch of a thread and the gradients that wait for their neighbours, kept from call to call."""
        known, known_tiles, scratch, levels = self._memory.get(thread, (0, 0, None, None))
        if longest > known:
            known, scratch = longest, self._make_scratch(self._net, self.tile_rows, longest, one_block=False)
        if node_tiles > known_tiles:
            count = max(1, node_tiles.bit_length() - 1)
            known_tiles, levels = node_tiles, aligned_zeros(count * self._gradient_size, self.dtype).reshape(count, -1)
        self._memory[thread] = known, known_tiles, scratch, levels
        return scratch, levels

    def _node_memory(self, count):
        nodes = self._memory.get("nodes")
        if nodes is None or len(nodes) < count:
            nodes = aligned_zeros(count * self._gradient_size, self.dtype).reshape(count, -1)
            self._memory["nodes"] = nodes
        return nodes


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


class Run(NamedTuple):
    """What happened: a value for each mini-batch that was not left out."""

    outcome: str  # "done", "interrupted" by Ctrl-C, or "diverged": in mini-batch number `done`
    losses: np.ndarray  # objective, the L2 term included
    norms: np.ndarray  # of the gradient, before clipping
    weight_sums: np.ndarray
    done: int  # steps made


class _Prediction(NamedTuple):
    """Sequences to predict, and where their outputs go."""

    order: np.ndarray  # ids in tile order
    data: Data
    first_row: np.ndarray  # where the outputs of a sequence begin
    raw: bool
    tile_rows: int
    longest: int
    after: np.ndarray  # (N, state_size)
    out: np.ndarray
    board: np.ndarray
