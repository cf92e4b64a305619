"""Train and predict with networks on a CPU.

Threads share the work and stay in compiled code (see docs/design/threads.rst).
"""

from copy import copy
from typing import NamedTuple

import numpy as np

from numrnn.data.batches import Rows, longest_first
from numrnn.kernels.cpu import minibatches as kernels
from numrnn.kernels.cpu import processor, unit_parallel
from numrnn.kernels.cpu.inputs import Data
from numrnn.kernels.cpu.records import Layer
from numrnn.kernels.cpu.updates import pack_weights
from numrnn.network.components import numbers_of_head
from numrnn.network.cpu.scheduling import Workload, run_threads
from numrnn.network.cpu.weight_layout import make_net
from numrnn.network.cpu.workspaces import Workspaces, affordable_threads, nodes_of
from numrnn.network.interface import RecurrentNetwork, TrainingRun, goal_of, inputs_of, target_rows


class CPUNetwork(RecurrentNetwork):
    """Run a network of one architecture on a CPU; the object knows where parameters lie in theta, not their values.

    Parameters
    ----------
    layout : Layout
    activation : {"tanh", "relu"}
        Activation of an Elman cell.
    head : {"softmax", "sigmoid", "identity"}
        Output function. The default loss is cross-entropy for softmax, cross-entropy per output for sigmoid, and
        squared error for identity.
    loss : str, optional
        Key of `numrnn.network.components.LOSSES`; None means the default loss of the head.
    loss_parameter : float, optional
        Parameter of the loss; None means its default.
    output, pooling, dtype
        As in `RecurrentNetwork`.
    n_jobs : int
        Number of threads; results are bitwise identical for all numbers.
    memory_limit : int, optional
        Bytes that training may take in addition to the data; results are bitwise identical for all limits.
    """

    def __init__(
        self,
        layout,
        *,
        activation="tanh",
        head="softmax",
        loss=None,
        loss_parameter=None,
        output="sequence",
        pooling="last",
        dtype=np.float32,
        n_jobs=1,
        memory_limit=None,
    ):
        super().__init__(layout, numbers_of_head(head, loss, loss_parameter), output, pooling, dtype, n_jobs)
        self._options = {
            "activation": activation, "head": head, "loss": loss, "loss_parameter": loss_parameter, "output": output,
            "pooling": pooling, "dtype": dtype, "n_jobs": n_jobs, "memory_limit": memory_limit,
        }  # fmt: skip
        self._net, gradient_size = make_net(layout, activation, self.head, self.per_step, self.dtype, pooling)
        self.work = Workload(
            layout, per_step=self.per_step, pooling=pooling, dtype=self.dtype, tile_rows=self.tile_rows
        )
        self.memory = Workspaces(
            self._net,
            bidirectional=layout.bidirectional,
            gradient_size=gradient_size,
            tile_rows=self.tile_rows,
            memory_limit=memory_limit,
        )

    def __getstate__(self):
        return {**self.__dict__, "memory": copy(self.memory)}

    def like(self, layout):
        """Return a network with another layout and the same options; see `RecurrentNetwork.like`."""
        return CPUNetwork(layout, **self._options)

    def train(self, theta, data, targets, batches, step, grad, before, state=None, given=None, dgiven=None):
        """Perform one solver's step for each mini-batch; see `Network.train`."""
        rows, goal, sums = self._weigh(data, targets, batches)
        if not sums.all():
            # Mini-batches whose weights are all 0 are left out, unless states have to be carried through them.
            kept = [n for n, batch in enumerate(batches) if sums[n] > 0 or batch.steps is not None]
            batches, sums = [batches[n] for n in kept], sums[kept]
            rows = Rows(batches, data.lengths) if batches else None
            goal = goal._replace(first=target_rows(data, rows, self.per_step)) if batches else None
        if not batches or not (sums.any() or rows.carried):
            return TrainingRun("done", sums, sums, sums, 0)
        job, threads = self._job(rows, sums)
        update = self._update(theta, grad, before, step, sums)
        pack_weights(self._net.pieces, theta, self._net.packed)
        inputs = self._inputs(data, rows, state, given, dgiven, step)
        outcome = self._run(job, threads, inputs, goal, update, int(rows.lengths.max()))
        done = int(job.board[processor.DONE])
        if job.board[processor.DIVERGED]:
            outcome, theta[:] = "diverged", before
        done -= int(np.count_nonzero(sums[:done] == 0))
        return TrainingRun(outcome, update.losses[sums > 0], update.norms[sums > 0], sums[sums > 0], done)

    def _weigh(self, data, targets, batches):
        """Return the rows, targets and sums of weights of mini-batches; the sums are 1 for a network without a head."""
        rows = Rows(batches, data.lengths)
        goal = goal_of(targets, self.dtype, target_rows(data, rows, self.per_step))
        sums = np.zeros(len(batches))
        if self.layout.n_outputs:
            kernels.weight_sums(rows.first, goal.first, goal.weights, rows.lengths, self.per_step, sums)
        else:
            sums[:] = 1
        return rows, goal, sums

    def _inputs(self, data, rows, state, given, dgiven, step):
        """Return the sequences of mini-batches for the kernels, with states and dropout."""
        if state is None or not rows.carried:
            state = np.zeros((len(data) if rows.carried else 0, self.state_size), self.dtype)
        inputs = inputs_of(self.layout, data, rows, state, learning=True)
        if given is not None:
            inputs = inputs._replace(given=np.require(given, self.dtype, "CAW"))
        if dgiven is not None:
            inputs = inputs._replace(dgiven=dgiven)
        return inputs._replace(**step.masks_of(rows))

    def _run(self, job, threads, inputs, goal, update, longest):
        """Run a job on threads and return the outcome."""

        def work(index, budget):
            scratch, levels = self.memory.of_thread(index, longest, job.node_tiles)
            return kernels.run_batches(self._net, inputs, goal, job, update, scratch, levels, budget)

        return run_threads(work, threads, self.work.budget(3, longest * job.node_tiles, self.tile_rows), job.board)

    def _job(self, rows, weight_sums, node_tiles=None, with_tiles=True):
        """Describe mini-batches as a job for threads; return the job and a number of threads.

        There are no more threads than the amount of work justifies. If `with_tiles`, which means that the job also
        trains the tiles, the memory limit may reduce their number further.
        """
        tile_counts = -(-np.diff(rows.first) // self.tile_rows)
        threads = self.work.training_threads(rows.lengths.sum() / len(tile_counts), tile_counts.max(), self.n_jobs)
        if with_tiles and self.memory.memory_limit is not None:
            threads = affordable_threads(threads, self.layout, self.memory, rows, self.tile_rows, node_tiles)
        node_tiles, node_counts = nodes_of(tile_counts, threads, node_tiles)
        job = kernels.Job(
            np.arange(len(rows.lengths)),
            rows.first,
            np.concatenate([[0], np.cumsum(tile_counts)]),
            np.concatenate([[0], np.cumsum(node_counts)]),
            node_tiles,
            self.tile_rows,
            weight_sums,
            np.zeros(tile_counts.sum()),
            self.memory.nodes(int(node_counts.max())),
            np.zeros(processor.BOARD_SIZE, np.int64),
            np.zeros(len(tile_counts), np.int64),
            np.zeros(2 * len(tile_counts), np.int64),
            np.zeros(2 * len(tile_counts), np.int64),
        )
        return job, threads

    def _update(self, theta, grad, before, step, sums):
        scalars = np.ascontiguousarray(step.scalars[np.maximum(np.cumsum(sums > 0) - 1, 0)], theta.dtype)
        results, squares = np.full((2, len(sums)), np.nan), np.zeros((2, len(self._net.pieces)))
        return kernels.Update(theta, grad, before, *step.update_of(theta), scalars, *results, *squares)

    @property
    def net(self):
        """Return the kernels' record of the network."""
        return self._net

    def pack(self, theta):
        """Store the weights that `predict_packed` uses."""
        pack_weights(self._net.pieces, theta, self._net.packed)

    def first_state(self):
        """Return the initial state of a sequence (1, state_size): the learned one, as of the last `pack`, or zeros."""
        parts = []
        for fields in self._net.layers.tolist():
            layer = Layer(*fields)
            for kind in range(1 + layer.cells):
                at = layer.s_0 + kind * layer.HP
                learned = self._net.packed[at : at + layer.H]
                parts.append(learned if layer.s_0 >= 0 else np.zeros(layer.H, self.dtype))
        return np.concatenate(parts)[None]

    def predict_packed(self, data, state=None, raw=False, threads=1, masks=None, in_teams=None):
        """Predict with the weights of the last `pack`; see `RecurrentNetwork.predict_packed`.

        With `in_teams`, threads share the units of a tile; None means that they do so if this is faster. With masks,
        each tile is computed by one thread.
        """
        if not data.in_memory:
            return self.predict_blocks(
                data, state, lambda part, before: self.predict_packed(part, before, raw, threads)
            )
        lengths = data.lengths
        rows, order = Rows.of_all(lengths), longest_first(lengths)
        ids = rows.ids
        before = np.zeros((0, 0), self.dtype) if state is None else np.array(state, self.dtype, order="C")
        job = _Prediction(
            order,
            inputs_of(self.layout, data, rows, before)._replace(state_rows=ids),
            data.offsets[ids] if self.per_step else ids,
            raw,
            self.tile_rows if len(ids) > 1 else 1,
            int(lengths[order[0]]),
            np.empty((len(ids), self.state_size), self.dtype),
            np.empty((data.offsets[-1] if self.per_step else len(ids), self.n_outputs), self.dtype),
            np.zeros(processor.BOARD_SIZE, np.int64),
        )
        tile_count = -(-len(ids) // job.tile_rows)
        if masks is not None:
            job, in_teams = job._replace(data=job.data._replace(**masks.of(ids))), False
        if in_teams is None:
            in_teams = self.work.team_size(len(ids)) > 1 and threads >= 2 * tile_count
        if in_teams:
            outcome = self._run_teams(job, tile_count, threads)
        else:
            outcome = self._run_tiles(job, min(threads, tile_count))
        if outcome == "interrupted":
            raise KeyboardInterrupt
        return job.out, job.after

    def _run_tiles(self, job, threads):
        """Predict with each tile on one thread."""

        def work(index, budget):
            scratch = self.memory.take(job.tile_rows, job.longest)
            finished = kernels.predict_tiles(
                self._net, job.data, job.order, job.first_row, job.raw, job.tile_rows, scratch, job.after, job.out,
                job.board, budget,
            )  # fmt: skip
            self.memory.give(job.tile_rows, scratch)
            return finished

        return run_threads(work, threads, self.work.budget(1, job.longest, job.tile_rows), job.board)

    def _run_teams(self, job, tile_count, threads):
        """Predict with a team for each tile; each thread joins all teams in turn, beginning with a tile of its own."""
        scratches = [self.memory.take(job.tile_rows, job.longest) for _ in range(tile_count)]
        meetings = np.zeros((tile_count, unit_parallel.TEAM_SIZE), np.int64)
        most = self.work.team_size(len(job.order))

        def work(index, budget):
            for i in range(index, index + tile_count):
                tile = i % tile_count
                ids = job.order[tile * job.tile_rows : (tile + 1) * job.tile_rows]
                unit_parallel.predict_in_team(
                    self._net, job.data, ids, job.first_row, job.raw, job.tile_rows, scratches[tile], job.after,
                    job.out, job.board, meetings[tile], most,
                )  # fmt: skip
            return True

        outcome = run_threads(work, threads, self.work.budget(tile_count, job.longest, job.tile_rows), job.board)
        for scratch in scratches:
            self.memory.give(job.tile_rows, scratch)
        return outcome


class _Prediction(NamedTuple):
    """Hold sequences to predict, and the arrays for their outputs."""

    order: np.ndarray  # ids of the sequences in the order of tiles
    data: Data
    first_row: np.ndarray  # index in `out` of each sequence's first output
    raw: bool
    tile_rows: int
    longest: int
    after: np.ndarray  # (N, state_size): receives the states after the last steps
    out: np.ndarray
    board: np.ndarray
