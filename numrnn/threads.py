"""Threads of this process that run compiled code; they are shared by all estimators and made anew after a fork."""

import os
import time
from concurrent.futures import ThreadPoolExecutor, wait

from numrnn.kernels.cpu.atomics import STOP

SECONDS_PER_CALL = 0.05  # compiled code is left this often on the caller's thread, so that signals are served
FIRST_SHARE = 16  # the first call gets this part of the budget, and the next at most so many times more
NO_LIMIT = 1 << 62

_pools = {}


def _pool(workers):
    key = (os.getpid(), workers)
    if key not in _pools:
        _pools[key] = ThreadPoolExecutor(workers, thread_name_prefix="numrnn")
    return _pools[key]


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
    outcome, futures = "done", []
    try:
        for index in range(1 if budget else 0, count):
            futures.append(_pool(count).submit(_serve, work, index, board))
        if budget:
            _work_here(work, budget, board)
        else:
            wait(futures)
    except BaseException as error:
        board[STOP] = 1
        outcome = "interrupted"
        if not isinstance(error, KeyboardInterrupt):
            raise
    finally:
        if _join(futures, board):
            outcome = "interrupted"
    for future in futures:
        if not future.cancelled():
            future.result()
    return outcome


def _work_here(work, budget, board):
    budget = max(1, budget // FIRST_SHARE)
    start = time.perf_counter()
    while not work(0, budget) and not board[STOP]:
        now = time.perf_counter()
        growth = min(FIRST_SHARE, SECONDS_PER_CALL / (now - start))
        budget = min(NO_LIMIT, max(1, int(budget * growth)))
        start = now


def _join(futures, board):
    """Wait for all that have started, whatever comes: they use the caller's arrays. True if Ctrl-C came."""
    running, interrupted = futures, False
    while running:
        try:
            running = [future for future in running if not future.cancel()]
            running = wait(running, timeout=1).not_done
        except KeyboardInterrupt:
            board[STOP] = 1
            interrupted = True
    return interrupted


def _serve(work, index, board):
    try:
        work(index, NO_LIMIT)
    except BaseException:
        board[STOP] = 1
        raise
