"""Threads of this process that run compiled code; they are shared by all estimators and made anew after a fork."""

import os
from concurrent.futures import ThreadPoolExecutor

_pools = {}


def _pool(workers):
    key = (os.getpid(), workers)
    if key not in _pools:
        _pools[key] = ThreadPoolExecutor(workers, thread_name_prefix="numrnn")
    return _pools[key]


def run_parts(work, parts):
    """Call work(part) for each part and return the results in order; the first part runs on the calling thread.

    An exception on the calling thread (Ctrl-C) waits for the others: they use its arrays.
    """
    if len(parts) == 1:
        return [work(parts[0])]
    futures = [_pool(len(parts) - 1).submit(work, part) for part in parts[1:]]
    try:
        first = work(parts[0])
    finally:
        errors = [future.exception() for future in futures]
    for error in errors:
        if error is not None:
            raise error
    return [first] + [future.result() for future in futures]
