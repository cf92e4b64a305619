"""Test threads that train at the same time, networks one after another, and forked processes."""

import gc
import multiprocessing
import os
import threading

import numpy as np
import pytest

from numrnn import RNNRegressor
from numrnn.network.cuda import graphs
from numrnn.network.cuda.device import FORKED, check_device, new_stream
from numrnn.network.cuda.graphs import borrow

X, Y = np.ones((4, 3, 2)), np.arange(4.0)


class Owner:
    """Stand for the owner of a training run."""


@pytest.fixture(autouse=True)
def no_streams_yet(monkeypatch):
    monkeypatch.setattr(graphs, "_idle", {})


def test_a_stream_serves_one_network_after_another():
    first, second = Owner(), Owner()
    streams_of_both = borrow(first), borrow(second)
    assert streams_of_both[0] is not streams_of_both[1]
    del first
    gc.collect()
    assert borrow(Owner()) is streams_of_both[0]
    gc.collect()
    assert borrow(third := Owner()) is streams_of_both[0] and third


def test_fits_share_a_stream_and_threads_do_not(monkeypatch):
    made = []
    monkeypatch.setattr(graphs, "new_stream", lambda: made.append(new_stream()) or made[-1])
    for _ in range(2):
        RNNRegressor((2,), batch_size=4, device="cuda", max_iter=1).fit(X, Y).partial_fit(X, Y)
        gc.collect()
    assert len(made) == 1
    owners, barrier, taken = [Owner() for _ in range(8)], threading.Barrier(8), []

    def take(owner):
        barrier.wait()
        taken.append(borrow(owner))

    threads = [threading.Thread(target=take, args=(owner,)) for owner in owners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(stream) for stream in taken}) == 8 and len(made) == 8


def test_a_process_that_was_forked_has_streams_of_its_own(monkeypatch):
    parent = borrow(Owner())
    gc.collect()
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert borrow(Owner()) is not parent


def outcome_of(queue, model, call):
    try:
        queue.put(call(model))
    except Exception as error:
        queue.put(error)


def in_a_fork(call, model):
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    process = context.Process(target=outcome_of, args=(queue, model, call))
    process.start()
    result = queue.get(timeout=60)
    process.join()
    return result


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("name", ["fit", "predict", "check"])
def test_a_card_that_was_used_before_a_fork_is_an_error_after_it(name):
    model = RNNRegressor((2,), device="cuda", max_iter=1, random_state=0).fit(X, Y)
    outputs = model.predict(X)
    calls = {
        "fit": lambda model: model.fit(X, Y),
        "predict": lambda model: model.predict(X),  # with arrays that are on the device already
        "check": lambda model: check_device("cuda"),
    }
    error = in_a_fork(calls[name], model)
    assert isinstance(error, RuntimeError) and str(error) == FORKED
    elsewhere = in_a_fork(lambda model: model.set_params(device="cpu").predict(X), model)
    np.testing.assert_allclose(elsewhere, outputs, rtol=1e-5)
