"""Threads of this process that run compiled code; they are shared by all estimators and made anew after a fork."""

import os
from concurrent.futures import ThreadPoolExecutor

from numrnn.kernels.cpu.batches import STOP

_pools = {}


def _pool(workers):
    key = (os.getpid(), workers)
    if key not in _pools:
        _pools[key] = ThreadPoolExecutor(workers, thread_name_prefix="numrnn")
    return _pools[key]


def run_threads(work, count, budget, board):
    """Run work(index, budget) on `count` threads until it returns True on this one, which is number 0.

    This thread leaves compiled code when the budget is spent, so that signals are served, and enters it again. Others
    have no budget; those that a busy pool has not started when the work is done never start.

    Returns
    -------
    outcome : {"done", "interrupted"}
        "interrupted" after Ctrl-C: all threads have stopped.
    """
    futures = [_pool(count - 1).submit(_serve, work, index, board) for index in range(1, count)]
    outcome = "done"
    try:
        while not work(0, budget) and not board[STOP]:
            pass
    except KeyboardInterrupt:
        outcome = "interrupted"
    finally:
        if outcome == "interrupted":
            board[STOP] = 1
        for future in futures:
            if not future.cancel():
                future.result()
    return outcome


def _serve(work, index, board):
    try:
        work(index, 1 << 62)
    except BaseException:
        board[STOP] = 1
        raise
