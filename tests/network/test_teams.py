"""Test teams of threads on a tile's units: the bits of one thread, and no waiting for threads that do not join."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from numrnn import RNNClassifier
from numrnn.data.sequences import Sequences
from numrnn.kernels.cpu import unit_parallel
from numrnn.kernels.cpu.micro_kernel import VECTOR_BYTES
from numrnn.kernels.cpu.processor import BOARD_SIZE
from numrnn.network.cpu import scheduling
from numrnn.network.cpu.network import CPUNetwork
from numrnn.network.parameters import Layout, initial_theta

pytestmark = [
    pytest.mark.serial,
    pytest.mark.skipif(
        os.environ.get("NUMBA_DISABLE_JIT", "0") != "0", reason="in plain Python threads take turns of 5 ms"
    ),
]
CELLS = ["elman", "gru", "lstm"]
HIDDEN = [(4 * VECTOR_BYTES,), (300, 40), (40, 261)]  # two register tiles in float32; no multiples; narrow and wide
LENGTHS = [[70], [1], [5, 40, 33, 70], [*range(1, 40)]]
LIMIT = 60  # seconds


@pytest.fixture
def shared(monkeypatch):
    """Let threads share even the smallest piece of work."""
    monkeypatch.setattr(scheduling, "FLOPS_PER_CALLED_THREAD", 1)
    monkeypatch.setattr(scheduling, "FLOPS_PER_MEMBER", 1)


@pytest.fixture
def joined(monkeypatch):
    """Return the number of threads that joined for each tile."""
    counts, predict = {}, unit_parallel.predict_in_team

    def count(*arguments):
        predict(*arguments)
        team = arguments[-2]
        counts[team.ctypes.data] = int(team[unit_parallel.JOINED])

    monkeypatch.setattr(unit_parallel, "predict_in_team", count)
    return counts


@pytest.mark.parametrize("output", ["sequence", "step"])
@pytest.mark.parametrize("hidden", HIDDEN, ids=str)
@pytest.mark.parametrize(("cell", "dtype"), [("elman", "float64"), *((cell, "float32") for cell in CELLS)])
def test_predictions_have_the_bits_of_one_thread(shared, joined, dtype, cell, hidden, output):
    layout = Layout(n_inputs=7, hidden_layer_sizes=hidden, cell=cell, n_outputs=37)
    theta, random = initial_theta(layout, "tanh", 0, dtype), np.random.default_rng(0)
    one = CPUNetwork(layout, output=output, dtype=dtype)
    one.pack(theta)
    for lengths in LENGTHS:
        data = Sequences.from_list([random.standard_normal((length, 7)).astype(dtype) for length in lengths])
        for state in (None, random.standard_normal((len(lengths), one.state_size)).astype(dtype)):
            expected = one.predict_packed(data, state, threads=1)
            assert not joined
            for n_threads in (2, 3, 8):
                found = one.predict_packed(data, state, threads=n_threads)
                for values, wanted in zip(found, expected, strict=True):
                    np.testing.assert_array_equal(values, wanted)
            assert len(lengths) > one.tile_rows or joined
            joined.clear()


def wide(n_jobs=2, **params):
    """Return a classifier so wide that a single sequence deserves several threads, and such sequences."""
    X = np.random.default_rng(0).standard_normal((16, 100, 4), np.float32)
    model = RNNClassifier((256,), cell="lstm", random_state=0, n_jobs=n_jobs, **params)
    y = np.arange(2) if model.output == "sequence" else np.tile([0, 1], (2, 50))
    return model.initialize(X[:2], y), X


def test_one_sequence_is_shared_where_layers_are_wide(joined):
    model, X = wide()
    expected = model.set_params(n_jobs=1).predict_proba(X)
    assert not joined
    for i, x in enumerate(X):
        np.testing.assert_array_equal(model.set_params(n_jobs=2).predict_proba(x[None])[0], expected[i])
        np.testing.assert_array_equal(model.set_params(n_jobs=1).predict_proba(x[None])[0], expected[i])
    assert len(joined) > 0
    narrow = RNNClassifier((32,), n_jobs=2, random_state=0).initialize(X[:2], [0, 1])
    assert narrow._predictor().useful_threads(Sequences.from_array(X[:1])) == 1


def test_eight_threads_share_an_estimator_whose_predictions_are_shared():
    model, X = wide(output="step")
    expected = model.predict_proba(X)
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda i: model.predict_proba(X[i % 16 : i % 16 + 1])[0], range(64), timeout=LIMIT)
        for i, values in enumerate(found):
            np.testing.assert_array_equal(values, expected[i % 16])


def test_a_busy_pool_is_not_waited_for(joined, monkeypatch):
    monkeypatch.setattr(scheduling, "_pools", {})
    monkeypatch.setattr(scheduling, "_n_cores", lambda: 1)
    model, X = wide()
    expected = model.set_params(n_jobs=1).predict_proba(X[:1])
    release, pool = threading.Event(), scheduling._pool()
    pool.ask("others", 2)
    for _ in range(2):
        pool.calls.put(lambda: np.zeros(BOARD_SIZE, np.int64) if release.wait(LIMIT) else None)
    found = model.set_params(n_jobs=2).predict_proba(X[:1])
    release.set()
    pool.withdraw("others")
    np.testing.assert_array_equal(found, expected)
    assert list(joined.values()) == [1]


def test_who_comes_late_joins_and_who_comes_when_all_is_over_leaves(shared):
    model, X = wide()
    net, rows = model._predictor().network, np.repeat(X[:1], 400, axis=1)
    expected = model.set_params(n_jobs=1).predict_proba(rows)
    late, predict = [], unit_parallel.predict_in_team

    def come_late(*arguments):
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(predict, *arguments)
            time.sleep(0.01)
            second = pool.submit(predict, *arguments)
            first.result(LIMIT)
            second.result(LIMIT)
        team = arguments[-2]
        late.append(int(team[unit_parallel.MEMBERS + 2 * unit_parallel.LINE + unit_parallel.BEGINS]))
        predict(*arguments[:-1], unit_parallel.MOST)
        assert team[unit_parallel.JOINED] == 3

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unit_parallel, "predict_in_team", come_late)
        found, _ = net.predict_packed(Sequences.from_array(rows), in_teams=True)
    np.testing.assert_array_equal(found, expected)
    assert late and late[0] > 1
