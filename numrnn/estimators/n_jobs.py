"""How many threads an estimator may use."""

import functools
import os
import sys

import joblib
from joblib.parallel import get_active_backend


def n_threads(n_jobs, at_most=None):
    """Turn the parameter `n_jobs` into a number of threads.

    Parameters
    ----------
    n_jobs : int or None
        None: all cores this process may use (its CPU affinity, a container's limit), and no more than
        ``OMP_NUM_THREADS`` or ``NUMBA_NUM_THREADS``, which joblib's loky sets in its workers, so that
        ``GridSearchCV(n_jobs=...)`` over estimators does not start cores x cores threads; one in the workers of
        joblib's other backends and of Dask, who do not know their number, unless ``NUMBA_NUM_THREADS`` tells. A
        positive number is taken as it is; -1 means all cores, -2 all but one, and so on.
    at_most : int or None
        What the work is worth.

    Returns
    -------
    n_threads : int
        At least 1.

    Raises
    ------
    ValueError
        If `n_jobs` is 0.

    Examples
    --------
    >>> from numrnn.estimators.n_jobs import n_threads
    >>> n_threads(3)
    3
    """
    if n_jobs == 0:
        raise ValueError("n_jobs must be None or an integer other than 0, got 0")
    if at_most == 1:
        return 1
    threads = int(n_jobs) if n_jobs is not None and n_jobs > 0 else _share_of_cores(n_jobs)
    return threads if at_most is None else min(threads, at_most)


def _share_of_cores(n_jobs):
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    cores = _count(joblib.cpu_count, os.getpid(), affinity, os.environ.get("LOKY_MAX_CPU_COUNT"))
    if n_jobs is not None:
        return max(1, cores + 1 + int(n_jobs))
    # Both: joblib leaves alone what is set already, and batch scripts set OMP_NUM_THREADS to all the cores of a job.
    limits = [_limit("OMP_NUM_THREADS", cores), _limit("NUMBA_NUM_THREADS", cores)]
    is_worker = (get_active_backend()[0].nesting_level or 0) > 0 or _in_task_of_dask()
    if is_worker and "NUMBA_NUM_THREADS" not in os.environ:
        limits.append(1)  # a worker that is a thread, a fork or Dask's: nothing says how many there are
    return min(cores, *limits)


def _in_task_of_dask():
    worker = sys.modules.get("distributed.worker")
    return hasattr(getattr(worker, "thread_state", None), "execution_state")


def _limit(name, cores):
    # OMP_NUM_THREADS may be a list, one number per nesting level ("4,2").
    limit = os.environ.get(name, "").split(",")[0].strip()
    return int(limit) if limit.isdigit() and int(limit) > 0 else cores


@functools.lru_cache(maxsize=8)
def _count(cpu_count, *_what_it_depends_on):
    # A container's limit stands in files: reading them takes 50 us, a third of a prediction of 32 sequences.
    return cpu_count()
