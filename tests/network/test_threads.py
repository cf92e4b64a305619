"""Test threads that share work: all return, no error is lost, and Ctrl-C stops them all."""

import _thread
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from numrnn.kernels.cpu.processor import BOARD_SIZE, LEFT, STOP, leave, watch
from numrnn.network.cpu import scheduling
from numrnn.network.cpu.scheduling import run_threads

pytestmark = pytest.mark.serial


@pytest.fixture
def board():
    return np.zeros(BOARD_SIZE, np.int64)


def test_every_thread_works_and_the_first_is_this_one(board):
    names, all_here = {}, threading.Barrier(3)

    def work(index, budget):
        names[index] = threading.current_thread()
        all_here.wait(10)
        return True

    assert run_threads(work, 3, 7, board) == "done"
    assert names[0] is threading.current_thread()
    assert len(set(names.values())) == 3


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")
def test_threads_may_use_all_cores_that_the_caller_may(board):
    cores, all_here = {}, threading.Barrier(3)

    def work(index, budget):
        cores[index] = os.sched_getaffinity(0)
        all_here.wait(10)
        return True

    for _ in range(5):  # they wake on other cores than the caller's, and are free then
        run_threads(work, 3, 7, board)
        assert cores == dict.fromkeys(range(3), os.sched_getaffinity(0))


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")
def test_a_sandbox_may_forbid_to_choose_cores(board, monkeypatch):
    def forbid(*arguments):
        raise PermissionError

    indices, all_here = [], threading.Barrier(2)

    def work(index, budget):
        indices.append(index)
        all_here.wait(10)
        return True

    monkeypatch.setattr(os, "sched_setaffinity", forbid)
    assert run_threads(work, 2, 7, board) == "done"
    assert sorted(indices) == [0, 1]


def test_threads_that_are_about_to_sleep_miss_no_call(board):
    def work(index, budget):
        board[8 + index] += 1
        return True

    for pause in np.random.default_rng(0).uniform(0, 3e-4, 300):  # they look for calls for 0.1 ms or so
        time.sleep(pause)
        assert run_threads(work, 2, 0, board) == "done"
    assert board[8] == board[9] == 300


def test_looking_at_a_counter_ends(board):
    calls = np.array([2])
    assert watch(calls, 0, 2, 1) and not watch(calls, 0, 3, 1000)
    leave(board, calls, 2, 1, 1000)
    leave(board, calls, 3, 1000, 1)
    assert board[LEFT] == 2


def test_this_thread_comes_back_until_the_work_is_done(board):
    budgets = []

    def work(index, budget):
        budgets.append(budget)
        return len(budgets) == 3

    assert run_threads(work, 1, 7, board) == "done"
    assert len(budgets) == 3 and min(budgets) == budgets[0] == 1


@pytest.mark.parametrize("guess", [100, 30_000])
def test_this_thread_comes_back_often_whatever_the_budget_was(guess, board):
    """Check that the budget of steps adapts.

    A step takes 0.1 ms here: a budget of 30,000 would delay signals by 3 s, and 100 would make too many calls.
    """
    budgets = []

    def work(index, budget):
        budgets.append(budget)
        time.sleep(1e-4 * budget)
        return len(budgets) == 6

    assert run_threads(work, 1, guess, board) == "done"
    assert max(budgets) < 3000 and budgets[-1] > 10


def test_ctrl_c_while_this_thread_waits_for_the_others_is_not_lost(board):
    """Check that Ctrl-C during the wait is raised; unfinished work would otherwise pass for the result."""
    begun = threading.Event()

    def work(index, budget):
        if index == 0:
            return begun.wait(10)
        begun.set()
        while not board[STOP]:
            time.sleep(0.001)
        return False

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        threading.Timer(0.2, _thread.interrupt_main).start()
        assert run_threads(work, 2, 7, board) == "interrupted"
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_error_on_another_thread_reaches_the_caller(board):
    def work(index, budget):
        if index == 2:
            raise ZeroDivisionError("thread 2")
        return bool(board[STOP])

    with pytest.raises(ZeroDivisionError, match="thread 2"):
        run_threads(work, 3, 1, board)


def test_ctrl_c_stops_the_others_and_waits_for_them_because_they_use_its_arrays(board):
    stopped, all_here = [], threading.Barrier(3)

    def work(index, budget):
        all_here.wait(10)
        if index == 0:
            raise KeyboardInterrupt
        while not board[STOP]:
            time.sleep(0.001)
        stopped.append(index)
        return False

    assert run_threads(work, 3, 1, board) == "interrupted"
    assert sorted(stopped) == [1, 2]


def test_this_thread_waits_for_signals_where_a_step_takes_long(board):
    names = set()
    assert run_threads(lambda index, budget: bool(names.add(threading.current_thread())) or True, 2, 0, board) == "done"
    assert names and threading.current_thread() not in names


@pytest.fixture
def pool(monkeypatch):
    """Return a new pool for a machine with two cores."""
    monkeypatch.setattr(scheduling, "_pools", {})
    monkeypatch.setattr(scheduling, "_n_cores", lambda: 2)
    return scheduling._pool()


def test_as_many_work_at_once_as_ask_and_there_are_cores_for(board, pool):
    both = threading.Barrier(2)

    def meet(index, budget):
        both.wait(10)
        return True

    outcomes = []

    def call():
        outcomes.append(run_threads(meet, 1, 0, np.zeros_like(board)))

    callers = [threading.Thread(target=call) for _ in range(2)]
    for caller in callers:  # callers only wait for signals: each has a worker thread
        caller.start()
    for caller in callers:
        caller.join(10)
    assert outcomes == ["done"] * 2 and len(pool._threads) == 2 and not pool._asked


def test_one_pool_serves_all_numbers_of_threads(board, pool):
    for count in (2, 5, 3, 4):
        board[:] = 0
        assert run_threads(lambda index, budget: True, count, count % 2, board) == "done"
    assert len(pool._threads) == 4 and scheduling._pools == {os.getpid(): pool} and not pool._asked


def test_work_is_done_without_threads_that_a_busy_pool_does_not_start(board, pool):
    all_busy, release = threading.Barrier(3), threading.Event()
    outcomes, workers = [], []

    def hold(index, budget):
        all_busy.wait(10)
        return release.wait(10)

    def work(index, budget):
        workers.append(index)
        return True

    holder = threading.Thread(target=lambda: outcomes.append(run_threads(hold, 2, 0, np.zeros_like(board))))
    holder.start()
    all_busy.wait(10)  # a budget of 0 has put both of the pool's threads to work
    assert run_threads(work, 2, 1, board) == "done"
    assert not release.is_set() and not outcomes
    release.set()
    holder.join(10)
    assert outcomes == ["done"]
    assert workers == [0]


def test_a_pool_that_many_ask_at_once_has_as_many_threads_as_they_need(board, pool):
    """Check the size of a pool under concurrent requests, each of which once started the missing threads."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        askers = [threading.Thread(target=pool.ask, args=(n, 6)) for n in range(8)]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join(10)
    finally:
        sys.setswitchinterval(interval)
    assert len(pool._threads) == 6


# In a process of its own, since Ctrl-C can leave the locks of the coverage tool locked.
SIGNALS = """
import signal, sys, threading, time
import numpy as np
from numrnn.kernels.cpu.processor import BOARD_SIZE
from numrnn.network.cpu.scheduling import run_threads

class Error(BaseException):
    pass

error = {"Error": Error, "KeyboardInterrupt": KeyboardInterrupt}[sys.argv[1]]
board, here, interrupted = np.zeros(BOARD_SIZE, np.int64), [], 0

def raise_error(number, frame):
    raise error

def work(index, budget):
    if threading.current_thread() is not threading.main_thread():
        here.append(index)
        time.sleep(1e-4)
        here.pop()
    return True

signal.signal(signal.SIGALRM, raise_error)
for n in range(1000):
    board[:] = 0
    try:
        signal.setitimer(signal.ITIMER_REAL, 1e-5 * (1 + n % 20))
        run_threads(work, 3, n % 2, board)
        signal.setitimer(signal.ITIMER_REAL, 0)
    except error:
        interrupted += 1
    assert not here, n
signal.setitimer(signal.ITIMER_REAL, 0)
board[:] = 0
assert interrupted and run_threads(work, 3, 0, board) == "done"
"""


@pytest.mark.parametrize("error", ["KeyboardInterrupt", "Error"])
def test_signals_at_any_moment_stop_threads_that_still_work_later(error):
    """Check signals at any moment; locks of an executor's futures once stayed locked, and the next call hung."""
    environment, command = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, [sys.executable, "-c", SIGNALS]
    done = subprocess.run([*command, error], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
