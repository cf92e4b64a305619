"""Communicate between several processes with MPI; this module needs mpi4py."""

import os
import pickle
import sys
import time
import traceback
from contextlib import contextmanager

import numpy as np

from numrnn.distributed.comm import SERIAL, Serial
from numrnn.distributed.tree import merges_of
from numrnn.io.messages import InputError
from numrnn.kernels.cpu.minibatches import add_nodes_of_two

try:
    from mpi4py import MPI as mpi
except (ImportError, RuntimeError) as error:  # RuntimeError: mpi4py finds no MPI library
    raise ImportError(
        "training with several processes needs mpi4py (pip install numrnn[mpi]) and an MPI library (the cluster's, or "
        f"pip install mpich): {str(error).splitlines()[0]}"
    ) from error

SPIN_SECONDS = 2e-3  # seconds for which `_wait` calls sched_yield between tests of its request; then it sleeps instead
NAP = 1e-4  # seconds of one sleep between two tests
NAME_BYTES = 64  # most bytes of the name that `MPI.check_same` sends to the other processes
PATIENCE = 5.0  # seconds for which a failed process waits for the other processes to fail too

# Key under which a communicator stores its MPI object, so that it is duplicated only once: MPI limits duplicates.
_known = mpi.Comm.Create_keyval()


def processes_of(comm):
    """Return the processes of an mpi4py communicator as SERIAL or MPI; return None for other objects."""
    if not isinstance(comm, mpi.Intracomm):
        return None
    if comm.Get_size() == 1:
        return SERIAL
    if comm.Get_attr(_known) is None:
        comm.Set_attr(_known, MPI(comm))
    return comm.Get_attr(_known)


def world():
    """Return the processes that `mpiexec` started."""
    return processes_of(mpi.COMM_WORLD)


class MPI(Serial):
    """Represent the processes of an mpi4py communicator.

    A process that waits for a message tests repeatedly whether it has arrived. Between two tests it yields the
    processor or sleeps, so that threads of other processes can run and signals are handled.
    """

    def __init__(self, comm):
        self._comm, self._failures = comm.Dup(), comm.Dup()
        self._neighbours = comm.Split_type(mpi.COMM_TYPE_SHARED)
        self.rank, self.size = comm.Get_rank(), comm.Get_size()
        self._buffers = [np.empty(0, np.uint8)] * 2
        self._interrupted = False

    def any(self, flag):
        """Return whether any process has passed a true flag."""
        mine, found = np.array([bool(flag)], np.uint8), np.zeros(1, np.uint8)
        _wait(self._comm.Iallreduce(mine, found, mpi.MAX))
        return bool(found[0])

    def from_first(self, value):
        """Return the value that the first process has passed."""
        content = np.frombuffer(bytearray(pickle.dumps(value)), np.uint8) if self.rank == 0 else None
        size = np.array([0 if content is None else content.size])
        _wait(self._comm.Ibcast(size))
        content = np.empty(size[0], np.uint8) if content is None else content
        _wait(self._comm.Ibcast(content))
        return value if self.rank == 0 else pickle.loads(content.tobytes())

    def on_first(self, function):
        """Return a function for all processes to call: only the first calls `function`, and all receive its result."""
        return None if function is None else lambda *args: self.from_first(function(*args) if self.rank == 0 else None)

    def check_same(self, make_facts):
        """Raise a ValueError that names a fact and the first process in which it differs; see `Serial.check_same`."""
        facts = make_facts()
        expected = self.from_first(facts)
        differing = [name for name in expected | facts if expected.get(name) != facts.get(name)]
        names = np.zeros((self.size, NAME_BYTES), np.uint8)
        mine = "".join(differing[:1]).encode()[:NAME_BYTES]
        names[self.rank, : len(mine)] = list(mine)
        self.gather_rows(names, [1] * self.size)
        for rank, name in enumerate(names):
            if name[0]:
                name = bytes(name).rstrip(b"\0").decode(errors="replace")
                raise InputError(
                    name, (), f"of rank {rank} differs from that of rank 0; pass the same value to all ranks"
                )

    def threads(self, wanted, given):
        """Return the number of threads of this process.

        This is `wanted` if the user has set `n_jobs`, so that `given` is not None. If not, it is `wanted`, but at most
        the process's share of the cores that all processes on its machine may use.
        """
        if given is not None or not hasattr(os, "sched_getaffinity"):
            return wanted
        cores = set().union(*self._neighbours.allgather(os.sched_getaffinity(0)))
        return max(1, min(wanted, len(cores) // self._neighbours.Get_size()))

    def in_turns(self, function):
        """Call a function in one process of each machine first, and then in the other processes."""
        if self._neighbours.Get_rank() == 0:
            function()
        _wait(self._neighbours.Ibarrier())
        if self._neighbours.Get_rank():
            function()

    def wait_for_all(self):
        """Return when all processes have called this method."""
        _wait(self._comm.Ibarrier())

    def most(self, number):
        """Return the largest number that any process has passed."""
        return max(self._gather_numbers(number))

    def sum_nodes(self, nodes, count, tail):
        """Sum the tree of `count` nodes and send its root to all processes.

        `nodes` (n, size) are the nodes of this process; they are overwritten, and the first row receives the root.
        `tail` (m,), float64, holds further numbers, which are summed over processes in place, in any order.
        """
        for left, right, peer in merges_of(count, self.size, self.rank):
            if peer == self.rank:
                add_nodes_of_two(nodes[left], nodes[right])
            elif left < 0:
                _wait(self._comm.Isend(self._packed(nodes[right], tail), peer))
                tail[:] = 0  # later messages must not add these numbers again
            else:
                message = self._buffer(1, nodes[0].nbytes + tail.nbytes)
                _wait(self._comm.Irecv(message, peer))
                add_nodes_of_two(nodes[left], message[: nodes[0].nbytes].view(nodes.dtype))
                tail += message[nodes[0].nbytes :].view(np.float64)
        message = self._packed(nodes[0], tail)
        _wait(self._comm.Ibcast(message))
        if self.rank:
            nodes[0] = message[: nodes[0].nbytes].view(nodes.dtype)
            tail[:] = message[nodes[0].nbytes :].view(np.float64)

    def gather_rows(self, rows, counts):
        """Gather rows in all processes: process i has filled the next `counts[i]` rows of `rows`."""
        counts = np.array(counts) * (rows.size // len(rows))
        places, kind = np.cumsum(counts) - counts, mpi.Datatype.fromcode(rows.dtype.char)
        _wait(self._comm.Iallgatherv(mpi.IN_PLACE, [rows, counts, places, kind]))

    def interrupted(self):
        """Return whether this process has received Ctrl-C since `begin_to_note`."""
        return self._interrupted

    @contextmanager
    def together(self):
        """Return a context in which an error in one process aborts all processes, unless all of them fail."""
        try:
            yield
        except BaseException:
            if not self._all_failed():
                print(f"rank {self.rank} of {self.size} failed; all processes are aborted:", file=sys.__stderr__)
                traceback.print_exc(file=sys.__stderr__)
                sys.__stderr__.flush()
                self._comm.Abort(1)
            raise

    def begin_to_note(self):
        """Clear a recorded Ctrl-C; return a handler that records the next one and aborts all processes at another."""
        self._interrupted = False
        return self._note_interrupt

    def _note_interrupt(self, number, frame):
        if self._interrupted:
            self._comm.Abort(1)
        self._interrupted = True

    def _all_failed(self):
        """Return whether all processes call this method within PATIENCE seconds."""
        request, end = self._failures.Ibarrier(), time.monotonic() + PATIENCE
        while not request.Test():
            if time.monotonic() > end:
                return False
            time.sleep(NAP)
        return True

    def _gather_numbers(self, number):
        numbers = np.zeros(self.size, np.int64)
        numbers[self.rank] = number
        self.gather_rows(numbers, [1] * self.size)
        return numbers.tolist()

    def _packed(self, node, tail):
        message = self._buffer(0, node.nbytes + tail.nbytes)
        message[: node.nbytes].view(node.dtype)[:] = node
        message[node.nbytes :].view(np.float64)[:] = tail
        return message

    def _buffer(self, index, size):
        if self._buffers[index].size < size:
            self._buffers[index] = np.empty(size, np.uint8)
        return self._buffers[index][:size]


def _wait(request):
    end = None
    while not request.Test():
        now = time.perf_counter()
        end = now + SPIN_SECONDS if end is None else end
        if now < end:
            os.sched_yield()
        else:
            time.sleep(NAP)
