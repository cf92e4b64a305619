"""Test that a fit that was interrupted on one device can be resumed on the other."""

import logging

import numpy as np
import pytest
from cut import Cut
from networks import relative_error

from numrnn import RNNLanguageModel, RNNRegressor, RNNSeq2Seq
from numrnn.estimators import resuming
from numrnn.training import Checkpoint, loop

RANDOM = np.random.default_rng(0)
X = [RANDOM.normal(size=(steps, 2)) for steps in (3, 1, 4, 2)]
CASES = [
    (RNNRegressor, (X, np.arange(4.0)), {"cell": "lstm", "bptt_steps": 2, "dropout": 0.2, "early_stopping": True}),
    (RNNLanguageModel, ("abracadabra" * 2,), {"bptt_steps": 4}),
    (RNNSeq2Seq, (["ab", "b", "ba"], ["ba", "b", "ab"]), {"recurrent_dropout": 0.2}),
]


@pytest.mark.parametrize(("first", "second"), [("cuda", "cpu"), ("cpu", "cuda")])
@pytest.mark.parametrize(("kind", "data", "params"), CASES)
def test_a_fit_goes_on_on_the_other_device(kind, data, params, first, second, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(loop, "SECONDS_PER_CALL", 1e-9)  # a call for each mini-batch: an epoch is cut off within
    params = {"hidden_layer_sizes": (3,), "max_iter": 2, "batch_size": 2, "random_state": 0, **params}
    whole = kind(device="cpu", **params).fit(*data)
    model = kind(device=first, callbacks=[Checkpoint(tmp_path, every=1e-9), Cut(2)], **params)
    with pytest.raises(MemoryError, match="cut"):
        model.fit(*data)
    with caplog.at_level(logging.INFO, "numrnn"):
        resumed = kind(device=second, **params).fit(*data, resume=tmp_path)
    assert "resuming from" in caplog.text
    assert resumed.n_iter_ == 2 and resumed._state.n_updates == whole._state.n_updates
    assert relative_error(resumed._state.theta, whole._state.theta) <= 1e-5
    assert relative_error(resumed.loss_curve_, whole.loss_curve_) <= 1e-5


def test_kernels_of_the_card_are_compared_where_there_is_one(tmp_path, monkeypatch):
    def resume(device, epochs):
        callbacks = [Checkpoint(tmp_path, every=1)]
        model = RNNRegressor((2,), batch_size=2, random_state=0, device=device, max_iter=epochs, callbacks=callbacks)
        model.fit(*CASES[0][1], resume=tmp_path)

    resume("cuda", 1)
    known = resuming.kernel_hash
    monkeypatch.setattr(resuming, "kernel_hash", lambda device="cpu": known() if device == "cpu" else "0" * 64)
    with pytest.raises(ValueError, match="the kernels of the GPU were those of another version of numrnn or Numba"):
        resume("cuda", 2)
    resume("cpu", 2)
    resume("cuda", 3)
    monkeypatch.setattr(resuming, "kernel_hash", lambda device="cpu": "0" * 64)
    with pytest.raises(ValueError, match="the kernels were those of another version"):
        resume("cpu", 4)


@pytest.mark.parametrize(("kind", "data", "params"), CASES[::2])
def test_a_fit_that_goes_on_on_the_card_ends_with_the_same_bits(kind, data, params, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "SECONDS_PER_CALL", 1e-9)
    params = {"hidden_layer_sizes": (3,), "max_iter": 2, "batch_size": 2, "random_state": 0, "device": "cuda", **params}
    whole = kind(**params).fit(*data)
    with pytest.raises(MemoryError, match="cut"):
        kind(callbacks=[Checkpoint(tmp_path, every=1e-9), Cut(2)], **params).fit(*data)
    resumed = kind(**params).fit(*data, resume=tmp_path)
    np.testing.assert_array_equal(resumed._state.theta, whole._state.theta)
