"""Train a network in several processes, which share each mini-batch; see docs/design/mpi.rst."""

import numpy as np

from numrnn.data.batches import Rows
from numrnn.distributed.tree import shares_of, tiles_of_node
from numrnn.kernels.cpu import processor
from numrnn.kernels.cpu.inputs import sort_inputs
from numrnn.kernels.cpu.updates import pack_weights
from numrnn.network.cpu.network import CPUNetwork
from numrnn.network.interface import TrainingRun

NEVER = -(1 << 62)  # initial count of completed nodes that is too low to ever reach their total, so no phase opens


class SharedNetwork(CPUNetwork):
    """Run a `CPUNetwork` in many processes that call its methods together, with the same arguments.

    Each process computes the tiles of the tree nodes that it owns. All processes receive the sum of the gradients and
    perform the same solver's step, so theta and all results are bitwise identical to those of a single process. `comm`
    is a `numrnn.distributed.mpi.MPI`.
    """

    def __init__(self, layout, *, comm, **options):
        super().__init__(layout, **options)
        self._comm, self._threads = comm, comm.most(self.n_jobs)

    def train(self, theta, data, targets, batches, step, grad, before, state=None, given=None, dgiven=None):
        """Perform one solver's step for each mini-batch; see `Network.train`.

        Ctrl-C in any process ends the training of all processes after the same mini-batch.
        """
        pack_weights(self._net.pieces, theta, self._net.packed)
        if state is None and any(batch.steps is not None for batch in batches):
            state = np.zeros((len(data), self.state_size), self.dtype)
        outcome, done, figures = "done", 0, []
        for batch, following in zip(batches, [*batches[1:], None], strict=True):
            rows, goal, sums = self._weigh(data, targets, [batch])
            if not sums[0] and batch.steps is None:
                continue
            one = step._replace(scalars=step.scalars[done : done + 1] if sums[0] else step.scalars[:1])
            update = self._update(theta, grad, before, one, sums)
            share = _Share(self._comm, self._threads, self.tile_rows, batch, data.lengths)
            read = Rows([batch._replace(ids=share.read)], data.lengths)
            inputs = self._inputs(data, read, state, given, dgiven, step)
            losses, stop = self._sum_share(share, inputs, goal, update, sums)
            if state is not None and rows.carried and _moves(batch, following):
                self._complete(state, share)
            if dgiven is not None:
                self._complete(dgiven, share)
            if sums[0]:
                whole = inputs
                if self.layout.embedding_size:
                    whole = self._inputs(data, rows, state, given, dgiven, step)
                    self._complete_inputs(whole, inputs, share)
                diverged = not self._close(share, rows, whole, goal, update, losses, sums)
                figures.append((update.losses[0], update.norms[0], sums[0]))
                if diverged:
                    theta[:] = before
                    outcome = "diverged"
                    break
                done += 1
            if stop:
                outcome = "interrupted"
                break
        return TrainingRun(outcome, *np.array(figures).reshape(-1, 3).T, done)

    def reads(self, batch, lengths):
        """Return the ids of the sequences that this process reads; see `Network.reads`.

        With an embedding, each process reads all sequences, since it sorts the gradients of all steps by symbol.
        """
        if self.layout.embedding_size:
            return batch.ids
        return _Share(self._comm, self._threads, self.tile_rows, batch, lengths).read

    def _sum_share(self, share, inputs, goal, update, sums):
        """Compute the gradients of this process's nodes and the sum of all nodes, which is stored as the first node.

        Returns the losses of all tiles, and whether the processes must stop because of Ctrl-C in one of them.
        """
        tail = np.zeros(share.tiles + 1)
        if len(share.rows.ids):
            goal = goal._replace(first=goal.first[share.part])
            job, threads = self._job(share.rows, sums, share.node_tiles)
            # No phase is opened or waited for: a run ends when the nodes are computed.
            job.nodes_done[0] = NEVER
            job.board[processor.DONE] = 1
            self._run(job, threads, inputs, goal, update, int(share.rows.lengths.max()))
            tail[share.first_tile : share.first_tile + len(job.losses)] = job.losses
        tail[-1] = self._comm.interrupted()
        if sums[0]:
            self._comm.sum_nodes(self.memory.nodes(1), share.nodes, tail)
        if not sums[0] or share.nodes < self._comm.size:  # processes without nodes have sent no tail
            tail[-1] = self._comm.any(tail[-1] or self._comm.interrupted())
        return tail[:-1], tail[-1] > 0

    def _close(self, share, rows, inputs, goal, update, losses, sums):
        """Run the phases that follow the sum of all nodes, alike in all processes; return False on divergence."""
        one_node = 1 << share.tiles.bit_length()
        job, threads = self._job(rows, sums, one_node, with_tiles=False)
        job.board[processor.OPENED] = 1
        no_nodes, tiles = np.zeros(2, np.int64), np.array([0, len(losses)])
        job = job._replace(first_node=no_nodes, first_tile=tiles, node_tiles=1, losses=losses)
        self._run(job, threads, inputs, goal, update, 1)
        return not job.board[processor.DIVERGED]

    def _run(self, *arguments):
        outcome = super()._run(*arguments)
        if outcome == "interrupted":  # the other processes do not know of this Ctrl-C
            raise RuntimeError(
                "Ctrl-C stopped this process only, so the processes cannot continue together; start them again"
            )
        return outcome

    def _complete(self, rows, share):
        """Send the rows of an array (N, ...) to all processes; each process has written those of its own sequences."""
        exchanged = rows[share.ids]
        self._comm.gather_rows(exchanged, np.diff(share.places))
        rows[share.ids] = exchanged

    def _complete_inputs(self, whole, inputs, share):
        """Send the gradients of embedded steps to all processes, and sort the steps by symbol."""
        ends = np.cumsum([0, *whole.lengths])
        steps = np.diff(ends[share.places])
        first, size = ends[share.places[share.rank]], self.layout.embedding_size
        rows = whole.gradients.reshape(-1, size)
        rows[first : first + steps[share.rank]] = inputs.gradients.reshape(-1, size)[: steps[share.rank]]
        self._comm.gather_rows(rows, steps)
        sort_inputs(self._net, whole, np.arange(len(whole.lengths)))


class _Share:
    """Describe a process's share of a mini-batch: contiguous nodes, tiles and sequences.

    `tiles` and `nodes` are the numbers of tiles and nodes of the whole mini-batch, and `ids` (n,) the ids of its
    sequences. The sequences of each process begin at the indices `places` (processes + 1,) of `ids`. This process's
    sequences are ids[part], and `rows` describes them. `read` are their ids, or the id of the mini-batch's first
    sequence if this process has none.
    """

    def __init__(self, comm, threads, tile_rows, batch, lengths):
        self.rank, self.ids = comm.rank, batch.ids
        self.tiles = -(-len(batch.ids) // tile_rows)
        self.node_tiles = tiles_of_node(self.tiles, comm.size, threads)
        self.nodes = -(-self.tiles // self.node_tiles)
        first_nodes = np.array(shares_of(self.nodes, comm.size))
        self.first_tile = int(first_nodes[comm.rank]) * self.node_tiles
        self.places = np.minimum(first_nodes * self.node_tiles * tile_rows, len(batch.ids))
        self.part = slice(self.places[comm.rank], self.places[comm.rank + 1])
        self.rows = Rows([batch._replace(ids=batch.ids[self.part])], lengths)
        self.read = self.rows.ids if len(self.rows.ids) else batch.ids[:1]


def _moves(batch, following):
    """Return True if the states after a chunk are read by the caller, or by processes that have not computed them."""
    return following is None or (following.first > 0 and following.ids is not batch.ids)
