"""Test estimators in threads, after a fork, in worker processes and under signals: same bits, no hangs."""

import builtins
import io
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from numrnn import RNNClassifier
from numrnn.estimators import problem
from numrnn.estimators.problem import n_threads
from numrnn.network.cpu import scheduling

pytestmark = pytest.mark.serial

CELLS = ["gru", "lstm"]
LIMIT = 120  # seconds after which a process hangs: far more than it takes to compile
RNG = np.random.default_rng(0)
X = [RNG.standard_normal((length, 3)) for length in RNG.integers(1, 60, 40)]
Y = np.arange(len(X)) % 3


@pytest.fixture
def many_threads(monkeypatch):
    """Give all threads to even the smallest piece of work."""
    monkeypatch.setattr(scheduling, "FLOPS_PER_THREAD", 1)


def classifier(**params):
    return RNNClassifier(**{"hidden_layer_sizes": (9,), "max_iter": 2, "random_state": 0, "n_jobs": 2, **params})


def bits_of_fit(n_jobs=2):
    """Return a digest of the weights and predictions of a small fit."""
    scheduling.FLOPS_PER_THREAD = 1
    model = classifier(n_jobs=n_jobs).fit(X, Y)
    return joblib.hash((model.weights_, model.predict_proba(X)))


# Threads.


def test_predictions_from_eight_threads_at_once_have_the_bits_of_one(many_threads):
    shared = classifier().fit(X, Y)
    models = [shared] * 4 + [classifier(random_state=seed, cell=cell).fit(X, Y) for seed in (1, 2) for cell in CELLS]
    expected = [model.predict_proba(X) for model in models]
    all_here = threading.Barrier(len(models))

    def predict(model):
        all_here.wait(LIMIT)
        return [model.predict_proba(X) for _ in range(20)]

    with ThreadPoolExecutor(len(models)) as pool:
        for found, wanted in zip(pool.map(predict, models), expected, strict=True):
            for one in found:
                np.testing.assert_array_equal(one, wanted)


# Processes.


FORK = """
import os, sys
from test_concurrency import bits_of_fit

before = bits_of_fit()  # the pool of this process is made
child = os.fork()
wrong = bits_of_fit() != before
if child:
    wrong |= os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0
sys.exit(wrong)
"""


FORK_BESIDE_A_COMPILER = """
import os, sys, threading, time
from numba.core.compiler_lock import global_compiler_lock
from test_concurrency import bits_of_fit

def compile():
    with global_compiler_lock:
        at_work.set()
        time.sleep(0.5)

at_work = threading.Event()
thread = threading.Thread(target=compile)
thread.start()
at_work.wait()
child = os.fork()
if not child:
    bits_of_fit()
    os._exit(0)
thread.join()
bits_of_fit()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.parametrize("script", [FORK, FORK_BESIDE_A_COMPILER], ids=["after a fit", "beside a compiler"])
def test_fit_after_fork_and_both_processes_come_to_their_end(script):
    environment, command = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, [sys.executable, "-c", script]
    done = subprocess.run(command, env=environment, timeout=LIMIT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def send_bits(pipe):
    pipe.send(bits_of_fit())


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_fit_in_processes_of_multiprocessing(method):
    expected = bits_of_fit()
    context = multiprocessing.get_context(method)
    pipes, processes = [], []
    for _ in range(2):
        here, there = context.Pipe(duplex=False)
        processes.append(context.Process(target=send_bits, args=(there,), daemon=True))
        processes[-1].start()
        pipes.append(here)
    assert [pipe.recv() if pipe.poll(LIMIT) else "hangs" for pipe in pipes] == [expected] * 2
    for process in processes:
        process.join(LIMIT)
    assert [process.exitcode for process in processes] == [0, 0]


def test_fit_in_workers_of_joblib():
    expected = bits_of_fit()
    workers = joblib.Parallel(n_jobs=2, backend="loky", timeout=LIMIT)
    assert workers(joblib.delayed(bits_of_fit)() for _ in range(4)) == [expected] * 4


# Cores.


def cores_of_a_fit(model, X, y):
    return n_threads(model.n_jobs)


def test_fits_of_a_search_share_the_cores_out(monkeypatch):
    """Check that fits of a search share the cores, also if a batch script gives each process all of them."""
    cores = joblib.cpu_count()
    monkeypatch.setenv("OMP_NUM_THREADS", str(cores))
    search = GridSearchCV(
        classifier(n_jobs=None), {"alpha": [0.0, 0.1]}, scoring=cores_of_a_fit, cv=2, n_jobs=2, refit=False
    )
    assert set(search.fit(X, Y).cv_results_["mean_test_score"]) == {max(1, cores // 2)}


@pytest.mark.parametrize("backend", ["threading", "multiprocessing"])
def test_fits_in_workers_that_do_not_know_their_number_take_one_core_each(backend, monkeypatch):
    monkeypatch.setattr(joblib, "cpu_count", lambda: 8)
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    with joblib.parallel_config(backend):
        assert joblib.Parallel(n_jobs=2)(joblib.delayed(n_threads)(n) for n in (None, 3)) == [1, 3]
        assert joblib.Parallel(n_jobs=1)(joblib.delayed(n_threads)(n) for n in (None, 3)) == [8, 3]


def test_a_search_may_say_how_many_cores_a_fit_gets():
    with joblib.parallel_config("loky", inner_max_num_threads=1):
        assert joblib.Parallel(n_jobs=2)(joblib.delayed(n_threads)(None) for _ in range(2)) == [1, 1]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")
def test_affinity_limits_the_threads():
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert n_threads(None) == 1
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has control groups")
def test_a_containers_limit_limits_the_threads(monkeypatch):
    monkeypatch.setattr(problem, "_count", problem._count.__wrapped__)  # what was counted before is remembered
    limit, exists, open_file = "/sys/fs/cgroup/cpu.max", os.path.exists, builtins.open
    monkeypatch.setattr(os.path, "exists", lambda path: path == limit or exists(path))
    monkeypatch.setattr(
        builtins,
        "open",
        lambda path, *rest: io.StringIO("100000 100000\n") if path == limit else open_file(path, *rest),
    )
    assert n_threads(None) == 1


# Signals.


class Signals:
    """Send SIGTERM five times from the beginning of a fit on, then Ctrl-C.

    `late` holds the seconds until Python handled each signal, and until the call ended after Ctrl-C.
    """

    def __init__(self):
        self.late, self._served, self._over = [], threading.Event(), threading.Event()
        self._sender = threading.Thread(target=self._send)

    def __enter__(self):
        self._before = {number: signal.signal(number, self._serve) for number in (signal.SIGTERM, signal.SIGINT)}
        return self

    def on_fit_begin(self, info=None):
        self._sender.start()

    def _send(self):
        for number in [signal.SIGTERM] * 5 + [signal.SIGINT]:
            if self._over.wait(0.1):
                return
            self._served.clear()
            self._sent = time.perf_counter()
            os.kill(os.getpid(), number)
            self._served.wait(LIMIT)

    def _serve(self, number, frame):
        self.late.append(time.perf_counter() - self._sent)
        self._served.set()
        if number == signal.SIGINT:
            raise KeyboardInterrupt

    def __exit__(self, *error):
        self.late.append(time.perf_counter() - self._sent)
        self._over.set()
        self._sender.join()
        for number, handler in self._before.items():
            signal.signal(number, handler)


def sequences(n, length):
    return np.random.default_rng(0).standard_normal((n, length, 1), np.float32), np.arange(n) % 2


def network_of(size, n_jobs, sizes, **params):
    """Return an estimator whose kernels have been loaded, and its data."""
    hidden, n, length = sizes[size]
    model = RNNClassifier((hidden,), cell="lstm", batch_size=64, random_state=0, n_jobs=n_jobs)
    model.set_params(max_iter=1).fit(*sequences(2, 5)).predict(sequences(2, 5)[0])
    return model.set_params(**params), *sequences(n, length)


# Units, sequences and their length: the main thread works, it waits for the others, one tile is all; threads share the
# units of one sequence.
FITS = {"narrow": (32, 8000, 1000), "wide": (512, 64, 1000), "long": (32, 2, 50_000)}
PREDICTIONS = {"narrow": (64, 20_000, 1000), "wide": (512, 128, 2000), "long": (32, 2, 8_000_000)}
PREDICTIONS["one"] = (512, 1, 200_000)


def signals_are_served(sizes):
    """Return a decorator that runs a test with signals at every size, on one thread and on two."""

    def decorate(test):
        test = pytest.mark.parametrize("n_jobs", [1, 2])(pytest.mark.parametrize("size", sizes)(test))
        plain = os.environ.get("NUMBA_DISABLE_JIT", "0") != "0"
        return pytest.mark.skipif(plain, reason="plain Python would take hours")(test)

    return decorate


def check(signals):
    """Check that signals were handled within 5 s; it takes 0.2 s, but the machine may be busy."""
    assert len(signals.late) == 7 and max(signals.late) < 5, signals.late


@signals_are_served(FITS)
def test_signals_are_served_in_a_fit_and_ctrl_c_ends_it_and_keeps_the_weights(size, n_jobs):
    with pytest.warns(UserWarning, match="training was interrupted"), Signals() as signals:
        model, X, y = network_of(size, n_jobs, FITS, max_iter=10_000, callbacks=[signals])
        model.fit(X, y)
    check(signals)
    assert all(np.isfinite(values).all() for values in model.weights_.values())


@signals_are_served(PREDICTIONS)
def test_signals_are_served_in_a_prediction_and_ctrl_c_ends_it(size, n_jobs):
    model, X, _ = network_of(size, n_jobs, PREDICTIONS)
    with pytest.raises(KeyboardInterrupt), Signals() as signals:
        signals.on_fit_begin()
        model.predict(X)
    check(signals)
    assert len(model.predict(X[:2, :10])) == len(X[:2])
