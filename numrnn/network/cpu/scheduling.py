"""How many threads the work of a network is worth, and threads of this process that run compiled code.

Threads are shared by all estimators and made anew after a fork. They are not an executor of the standard library: its
locks, and those of its futures and threads, are taken in Python code, where a Ctrl-C can leave one taken, and the next
to ask for it hangs (one interrupted prediction of some 2,000 did), or fails. Here the caller touches lists, simple
queues and a lock of C alone, whose operations are atomic.
"""

import _thread
import ctypes
import os
import threading
import time
from contextlib import contextmanager
from queue import Empty, SimpleQueue

import numpy as np
from numba.core import config

from numrnn.kernels.cpu import unit_parallel
from numrnn.kernels.cpu.micro_kernel import WIDE as WIDE_PANELS
from numrnn.kernels.cpu.micro_kernel import panel_width
from numrnn.kernels.cpu.processor import BOARD_SIZE, LEFT, STOP, leave, watch
from numrnn.network.components import CELLS

SECONDS_PER_CALL = 0.05  # compiled code is left this often on the caller's thread, so that signals are served
FIRST_SHARE = 16  # the first call gets this part of the budget, and the next at most so many times more
NO_LIMIT = 1 << 62
# Looks at a counter, 0.5 ns each: before a thread sleeps, from which the next call wakes it in 30 to 50 us; and after
# it has seen a call, until the caller has given Python's lock away.
LOOKS, MORE_LOOKS = (1, 1) if config.DISABLE_JIT else (200_000, 20_000)

FLOPS_PER_CALL = 2e9  # a guess of what may run between two looks at signals; then the clock decides
FLOPS_PER_TILE_STEP = 2e4  # what the smallest step costs in time: 1 us or so
FEWEST_ROWS = 4  # fewer take as long: W comes from memory then
FLOPS_PER_THREAD = 4e5  # less than this is not worth another thread
FLOPS_PER_CALLED_THREAD = 1e7  # likewise where a pool has to be asked for every prediction: 50 us
FLOPS_PER_MEMBER = 1e5  # likewise of a step whose units threads share: to meet takes 0.2 us
FLOPS_PER_OUTPUT = 16  # what a softmax and its loss cost in time

_pools = {}
_here = threading.local()


class Workload:
    """Threads and steps for work with a network.

    Parameters
    ----------
    layout : Layout
    per_step : bool
        Whether there is an output for each step.
    pooling : {"last", "mean", "max"}
    dtype : float32 or float64
    tile_rows : int
        Sequences in a tile.
    """

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
        """How many threads a mini-batch of so many steps in so many tiles is worth."""
        flops = 3 * self._flops_per_step * steps
        return int(max(1, min(n_jobs, tiles, flops // FLOPS_PER_THREAD)))

    def useful_threads(self, data):
        """How many threads predictions of these sequences are worth."""
        flops = self._flops_per_step * int(data.offsets[-1])
        at_once = -(-len(data) // self._tile_rows) * self.team_size(len(data))
        return int(max(1, min(at_once, flops // FLOPS_PER_CALLED_THREAD)))

    def team_size(self, sequences):
        """How many threads may share the units of a tile; 1: a tile is one thread's."""
        flops = min(sequences, self._tile_rows) * self._flops_per_step
        return int(max(1, min(self._largest_team, flops // FLOPS_PER_MEMBER)))

    def budget(self, passes, longest, tile_rows):
        """Steps of a tile after which the main thread leaves compiled code; 0 where a share of the work is longer."""
        steps = self._steps_per_call(passes, tile_rows)
        return steps if longest <= steps else 0

    def fits_one_call(self, steps):
        """Whether signals may wait until a sequence of so many steps is done."""
        return self.budget(1, steps, 1) > 0

    @property
    def steps_per_call(self):
        """Steps of one sequence, at least 1, for which signals may wait."""
        return max(1, self._steps_per_call(1, 1))

    def _steps_per_call(self, passes, tile_rows):
        flops = max(FLOPS_PER_TILE_STEP, passes * self._flops_per_step * max(FEWEST_ROWS, tile_rows))
        return int(FLOPS_PER_CALL / flops)


@contextmanager
def alone():
    """A span in which what this thread runs is run by it alone.

    For what may have to be compiled: other threads would wait for the compiler, and go on where a signal made this one
    give up.
    """
    _here.alone = True
    try:
        yield
    finally:
        _here.alone = False


def _getter_of_core():
    """A function that returns the number of the core that runs it; None where the system has none, or no affinities."""
    try:
        return ctypes.CDLL(None).sched_getcpu if hasattr(os, "sched_setaffinity") else None
    except (AttributeError, OSError, TypeError):
        return None


_core = _getter_of_core()


def _keep_off_this_core(threads):
    """Let threads wake on other cores than this one; returns the cores that they may go to afterwards, or None.

    To Linux an idle core of a virtual machine looks as if another machine had taken it, so a thread wakes on the core
    of who wakes it, and waits there: of predictions of 0.5 ms the first hundred after a pause took 0.9 ms, the time of
    one thread.
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
    except OSError:  # a sandbox may forbid it
        return None
    return cores


def _move_freely(cores):
    if cores is not None:
        try:
            os.sched_setaffinity(0, cores)
        except OSError:
            pass


class _Pool:
    """Threads that wait for calls to run, which return the board that they worked on; they end with the process.

    They are as many as all who work at a time have asked for, but no more than cores, or than one of them asked for.
    """

    def __init__(self):
        self.calls, self._threads, self._asleep, self._cores = SimpleQueue(), [], set(), None
        self._asked, self._growing = {}, threading.RLock()  # threads, by who asked
        self._woken = np.zeros(1, np.int64)  # times
        leave(np.zeros(BOARD_SIZE, np.int64), self._woken, 0, 1, 1)  # compiled here: a fork must not find it half done

    def ask(self, who, count):
        """Be large enough for one more, who tells by `withdraw` that the work is done."""
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
        """The next call: of those that wait already, or after a sleep."""
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
        """Have so many threads run a function."""
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
    """The other threads of one piece of work."""

    def __init__(self, work, indices, board):
        self._work, self._board = work, board
        self._tickets = list(reversed(indices))  # of those who have not begun
        self._count, self._begun, self._ends, self._news = len(indices), [], [], SimpleQueue()

    def start(self):
        pool = _pool()
        pool.ask(id(self), self._count)
        pool.wake(self._serve, self._count)

    def _serve(self):
        self._begun.append(True)  # before the ticket: who withdraws the tickets then waits for all that have one
        self._ends.append(self._work_on_ticket())
        self._news.put(None)
        return self._board

    def _work_on_ticket(self):
        """What went wrong, or None."""
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
        """Until all have done their work; a signal may end it."""
        while len(self._ends) < self._count:
            self._listen()

    def dismiss(self):
        """Those that have not begun never will; True once all others have ended, whatever comes: they use the caller's
        arrays.
        """
        self._tickets.clear()
        if len(self._ends) < len(self._begun):
            watch(self._board, LEFT, len(self._begun), LOOKS)
        while len(self._ends) < len(self._begun):
            self._listen()
        _pool().withdraw(id(self))

    def _listen(self):
        try:
            self._news.get(timeout=0.1)  # a signal may take what came: so the lists are looked at again
        except Empty:
            pass

    def raise_error(self):
        for error in self._ends:
            if error is not None:
                raise error


def run_threads(work, count, budget, board):
    """Run work(index, budget) on `count` threads until it returns True on this one, which is number 0.

    This thread leaves compiled code when its budget is spent, so that signals are served, and enters it again. The
    budget is a guess: the time that a part of it took says how large the next one is. Others have no budget; those
    that a busy pool has not started when the work is done never start. A budget of 0 says that one step of the work
    takes long: then all of it runs on other threads, and this one waits for signals.

    Returns
    -------
    outcome : {"done", "interrupted"}
        "interrupted" after Ctrl-C: all threads have stopped.
    """
    count = 1 if getattr(_here, "alone", False) else count
    team = _Team(work, range(1 if budget else 0, count), board)
    try:
        outcome = _run_team(team, work, count, budget, board)
    except BaseException as error:  # also what a signal raised between two lines of what waits for the others
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
    """True if Ctrl-C came."""
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
