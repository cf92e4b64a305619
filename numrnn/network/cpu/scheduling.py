"""Determine the number of threads for the work of a network, and run compiled code on this process's threads.

Threads are shared by all estimators, and new threads are started after a fork. They do not belong to an executor of the
standard library, because executors, futures and threads acquire locks in Python code. If Ctrl-C interrupts that code, a
lock may remain acquired, and the next request for it hangs or fails (one of about 2,000 interrupted predictions hung).
Here the caller uses only lists, simple queues and a lock implemented in C, whose operations are atomic.
"""

import _thread
import ctypes
import os
import threading
import time
from contextlib import contextmanager
from queue import Empty, SimpleQueue

import numpy as np
from numba import config

from numrnn.kernels.cpu import unit_parallel
from numrnn.kernels.cpu.micro_kernel import WIDE as WIDE_PANELS
from numrnn.kernels.cpu.micro_kernel import panel_width
from numrnn.kernels.cpu.processor import BOARD_SIZE, LEFT, STOP, leave, watch
from numrnn.network.components import CELLS

SECONDS_PER_CALL = 0.05  # time after which the caller's thread leaves compiled code, so that signals are served
FIRST_SHARE = 16  # the first call gets 1/16 of the budget; a call gets at most 16 times that of the call before it
NO_LIMIT = 1 << 62
# An idle thread reads a counter of calls again and again; a read takes 0.5 ns. LOOKS: reads before the thread sleeps;
# there are many, since waking it takes 30 to 50 us. MORE_LOOKS: reads after the thread has seen a call, until the
# caller has probably released the interpreter's lock.
LOOKS, MORE_LOOKS = (1, 1) if config.DISABLE_JIT else (200_000, 20_000)

FLOPS_PER_CALL = 2e9  # operations between two checks of signals: an estimate, used until times are measured
FLOPS_PER_TILE_STEP = 2e4  # time of the smallest step, about 1 us, as a number of operations
FEWEST_ROWS = 4  # a step with fewer rows takes as long as one with 4, since W must be read from memory in any case
FLOPS_PER_THREAD = 4e5  # least work for which another thread is worthwhile
FLOPS_PER_CALLED_THREAD = 1e7  # the same for predictions: a call of the pool takes 50 us
FLOPS_PER_MEMBER = 1e5  # the same for a step in a team: waiting for all members takes 0.2 us
FLOPS_PER_OUTPUT = 16  # time of a softmax and its loss per output, as a number of operations

_pools = {}
_here = threading.local()


class Workload:
    """Estimate how many threads, and how many steps per call, suit the work with a network."""

    def __init__(self, layout, *, per_step, pooling, dtype, tile_rows):
        sizes, gates, directions = layout.hidden_layer_sizes, CELLS[layout.cell].gates, len(layout.prefixes(0))
        widths = (0 if layout.picks_rows_of_U else layout.n_inputs, *(directions * H for H in sizes))
        self._flops_per_step = sum(2 * directions * gates * H * (H + D) for D, H in zip(widths, sizes, strict=False))
        if per_step:
            self._flops_per_step += 2 * layout.n_outputs * (widths[-1] + FLOPS_PER_OUTPUT)
        panels = -(-max(sizes) // panel_width(dtype))
        in_teams = layout.n_symbols is None and not layout.bidirectional and pooling == "last"
        self._largest_team = min(unit_parallel.MOST, panels // WIDE_PANELS) if in_teams else 1
        self._tile_rows = tile_rows

    def training_threads(self, steps, tiles, n_jobs):
        """Return how many threads are worthwhile for a mini-batch of `steps` steps in `tiles` tiles."""
        flops = 3 * self._flops_per_step * steps
        return int(max(1, min(n_jobs, tiles, flops // FLOPS_PER_THREAD)))

    def useful_threads(self, data):
        """Return how many threads are worthwhile for predictions of these sequences."""
        flops = self._flops_per_step * int(data.offsets[-1])
        at_once = -(-len(data) // self._tile_rows) * self.team_size(len(data))
        return int(max(1, min(at_once, flops // FLOPS_PER_CALLED_THREAD)))

    def team_size(self, sequences):
        """Return how many threads may share the units of a tile; 1 means that a tile belongs to one thread."""
        flops = min(sequences, self._tile_rows) * self._flops_per_step
        return int(max(1, min(self._largest_team, flops // FLOPS_PER_MEMBER)))

    def budget(self, passes, longest, tile_rows):
        """Return after how many steps of a tile the main thread leaves compiled code; 0 if `longest` exceeds them."""
        steps = self._steps_per_call(passes, tile_rows)
        return steps if longest <= steps else 0

    def fits_one_call(self, steps):
        """Return True if signals may wait until a sequence of `steps` steps is done."""
        return self.budget(1, steps, 1) > 0

    @property
    def steps_per_call(self):
        """Return the number of steps of one sequence, at least 1, for which signals may wait."""
        return max(1, self._steps_per_call(1, 1))

    def _steps_per_call(self, passes, tile_rows):
        flops = max(FLOPS_PER_TILE_STEP, passes * self._flops_per_step * max(FEWEST_ROWS, tile_rows))
        return int(FLOPS_PER_CALL / flops)


@contextmanager
def alone():
    """Run all work of `run_threads` on the calling thread within the context.

    This is meant for work that may have to be compiled: other threads would wait for the compiler, and would continue
    after a signal had interrupted this thread.
    """
    _here.alone = True
    try:
        yield
    finally:
        _here.alone = False


def _getter_of_core():
    """Return a function that returns the core on which it runs; None if the system cannot tell or set cores."""
    try:
        return ctypes.CDLL(None).sched_getcpu if hasattr(os, "sched_setaffinity") else None
    except (AttributeError, OSError, TypeError):
        return None


_core = _getter_of_core()


def _keep_off_this_core(threads):
    """Make threads wake on other cores than this one; return the cores that they may use afterwards, or None.

    Linux takes an idle core of a virtual machine for one that is in use by another machine. A thread therefore wakes on
    the core of the thread that wakes it, and waits there: after a pause, each of the first hundred predictions took
    0.9 ms, the time of one thread, instead of 0.5 ms.
    """
    if _core is None:
        return None
    try:
        cores = os.sched_getaffinity(0)
        others = cores - {_core()}
        if not others:
            return None
        for thread in threads:
            os.sched_setaffinity(thread, others)
    except OSError:  # a sandbox may forbid the call
        return None
    return cores


def _move_freely(cores):
    if cores is not None:
        try:
            os.sched_setaffinity(0, cores)
        except OSError:
            pass


class _Pool:
    """Run calls on threads that end with the process; each call returns the board on which it worked.

    The number of threads is the sum of the numbers that callers request at the same time, but at most the number of
    cores or the largest single request.
    """

    def __init__(self):
        self.calls, self._threads, self._asleep, self._cores = SimpleQueue(), [], set(), None
        self._asked, self._growing = {}, threading.RLock()  # number of requested threads by caller
        self._woken = np.zeros(1, np.int64)  # number of calls of `wake`, which idle threads read
        leave(np.zeros(BOARD_SIZE, np.int64), self._woken, 0, 1, 1)  # compiles `leave` before any fork

    def ask(self, who, count):
        """Make the pool large enough for one more caller, which must call `withdraw` when its work is done."""
        self._asked[who] = count
        with self._growing:
            counts = list(self._asked.values())
            self._grow(min(sum(counts), max(_n_cores(), *counts)))

    def withdraw(self, who):
        self._asked.pop(who, None)

    def _grow(self, count):
        while len(self._threads) < count:
            self._threads.append(_thread.start_new_thread(self._run, ()))

    def _run(self):
        while True:
            board = self._next()()
            looks = LOOKS if self.calls.empty() else 0
            leave(board, self._woken, self._woken[0] + 1, looks, MORE_LOOKS)

    def _next(self):
        """Return the next call; sleep until there is one."""
        try:
            return self.calls.get_nowait()
        except Empty:
            pass
        self._asleep.add(threading.get_native_id())
        call = self.calls.get()
        self._asleep.discard(threading.get_native_id())
        _move_freely(self._cores)
        return call

    def wake(self, call, count):
        """Run a function on `count` threads."""
        asleep = list(self._asleep)
        if asleep:
            self._cores = _keep_off_this_core(asleep)
        for _ in range(count):
            self.calls.put(call)
        self._woken[0] += 1


def _n_cores():
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def _pool():
    return _pools.get(os.getpid()) or _pools.setdefault(os.getpid(), _Pool())


class _Team:
    """Hold the work of one call on threads of the pool, in addition to the calling thread."""

    def __init__(self, work, indices, board):
        self._work, self._board = work, board
        self._tickets = list(reversed(indices))  # indices of work that no thread has begun
        self._count, self._begun, self._ends, self._news = len(indices), [], [], SimpleQueue()

    def start(self):
        pool = _pool()
        pool.ask(id(self), self._count)
        pool.wake(self._serve, self._count)

    def _serve(self):
        self._begun.append(True)  # before a ticket is taken, so that `dismiss` waits for this thread
        self._ends.append(self._work_on_ticket())
        self._news.put(None)
        return self._board

    def _work_on_ticket(self):
        """Do the work of one ticket; return the error that occurred, or None."""
        try:
            index = self._tickets.pop()
        except IndexError:  # the caller needs no more threads
            return None
        try:
            self._work(index, NO_LIMIT)
        except BaseException as error:
            self._board[STOP] = 1
            return error
        return None

    def wait(self):
        """Wait until all threads have done their work; a signal may interrupt the wait."""
        while len(self._ends) < self._count:
            self._listen()

    def dismiss(self):
        """Keep threads that have not begun from beginning, and wait until all others have ended.

        The wait must be completed whatever happens, since the threads use the caller's arrays.
        """
        self._tickets.clear()
        if len(self._ends) < len(self._begun):
            watch(self._board, LEFT, len(self._begun), LOOKS)
        while len(self._ends) < len(self._begun):
            self._listen()
        _pool().withdraw(id(self))

    def _listen(self):
        try:
            self._news.get(timeout=0.1)  # an interrupted `get` may lose an item, so callers rely only on the lists
        except Empty:
            pass

    def raise_error(self):
        for error in self._ends:
            if error is not None:
                raise error


def run_threads(work, count, budget, board):
    """Run work(index, budget) on `count` threads until it returns True on the calling thread, which has index 0.

    `budget` is a number of steps of tiles. The calling thread leaves compiled code when its budget is spent, so that
    signals are served, and then calls `work` again. The first budget is an estimate; each further budget depends on the
    time that the previous call took. Other threads have no budget. If a busy pool has not started some threads by the
    time that the work is done, they do not take part. A budget of 0 means that a single tile takes too long: then all
    work runs on other threads, and the calling thread only waits, so that it can serve signals. Returns "done", or
    "interrupted" after Ctrl-C; in both cases all threads have stopped.
    """
    count = 1 if getattr(_here, "alone", False) else count
    team = _Team(work, range(1 if budget else 0, count), board)
    try:
        outcome = _run_team(team, work, count, budget, board)
    except BaseException as error:  # may come from a signal handler during the wait for other threads
        board[STOP] = 1
        _dismiss(team, board)
        outcome = "interrupted"
        if not isinstance(error, KeyboardInterrupt):
            raise
    team.raise_error()
    return outcome


def _run_team(team, work, count, budget, board):
    outcome = "done"
    try:
        if not budget or count > 1:
            team.start()
        if budget:
            _work_here(work, budget, board)
        else:
            team.wait()
    except BaseException as error:
        board[STOP] = 1
        outcome = "interrupted"
        if not isinstance(error, KeyboardInterrupt):
            raise
    finally:
        if _dismiss(team, board):
            outcome = "interrupted"
    return outcome


def _dismiss(team, board):
    """Dismiss a team; return True if Ctrl-C occurred meanwhile."""
    interrupted = False
    while True:
        try:
            team.dismiss()
            return interrupted
        except KeyboardInterrupt:
            board[STOP] = 1
            interrupted = True


def _work_here(work, budget, board):
    budget = max(1, budget // FIRST_SHARE)
    start = time.perf_counter()
    while not work(0, budget) and not board[STOP]:
        now = time.perf_counter()
        growth = min(FIRST_SHARE, SECONDS_PER_CALL / (now - start))
        budget = min(NO_LIMIT, max(1, int(budget * growth)))
        start = now
