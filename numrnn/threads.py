"""Threads of this process that run compiled code; they are shared by all estimators and made anew after a fork."""

import os
from concurrent.futures import ThreadPoolExecutor, wait

from numrnn.kernels.cpu.atomics import STOP

_pools = {}


def _pool(workers):
    key = (os.getpid(), workers)
    if key not in _pools:
        _pools[key] = ThreadPoolExecutor(workers, thread_name_prefix="numrnn")
    return _pools[key]


def run_threads(work, count, budget, board):
    """Run work(index, budget) on `count` threads until it returns True on this one, which is number 0.

    This thread leaves compiled code when the budget is spent, so that signals are served, and enters it again. Others
    have no budget; those that a busy pool has not started when the work is done never start. A budget of 0 says that
    one step of the work takes long: then all of it runs on other threads, and this one waits for signals.

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
            while not work(0, budget) and not board[STOP]:
                pass
        else:
            wait(futures)
    except BaseException as error:
        board[STOP] = 1
        outcome = "interrupted"
        if not isinstance(error, KeyboardInterrupt):
            raise
    finally:
        _join(futures, board)
    for future in futures:
        if not future.cancelled():
            future.result()
    return outcome


def _join(futures, board):
    """Wait for all that have started, whatever comes: they use the caller's arrays."""
    running = [future for future in futures if not future.cancel()]
    while running:
        try:
            running = wait(running, timeout=1).not_done
        except KeyboardInterrupt:
            board[STOP] = 1


def _serve(work, index, board):
    try:
        work(index, 1 << 62)
    except BaseException:
        board[STOP] = 1
        raise
