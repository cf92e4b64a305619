"""Test estimators with bidirectional=True: forms of data, files, features and errors."""

import numpy as np
import pytest
from sklearn.base import clone

import numrnn
from numrnn import RNNClassifier, RNNRegressor
from numrnn.cli import main

RANDOM = np.random.default_rng(0)
X = [RANDOM.normal(size=(steps, 2)) for steps in RANDOM.integers(1, 40, 40)]
Y = np.array([int(x[0, 0] + x[-1, 1] > 0) for x in X])
SYMBOLS = [RANDOM.integers(0, 5, steps) for steps in RANDOM.integers(1, 40, 40)]


def model_of(cell="gru", hidden=(6, 5), **options):
    """Return a classifier with the dtypes of `test_bidirectional`, so that no other kernels are compiled."""
    options = {"max_iter": 2, "random_state": 0, "dtype": "float32" if cell == "elman" else "float64", **options}
    return RNNClassifier(hidden, cell=cell, bidirectional=True, **options)


def test_what_only_the_whole_sequence_tells_is_learnt_at_every_step():
    """Check that each step learns the next input, which a forward direction alone cannot predict."""
    sequences = [RANDOM.integers(0, 2, 12).astype(float)[:, None] for _ in range(200)]
    targets = [np.append(x[1:, 0], 0).astype(int) for x in sequences]
    options = {"output": "step", "max_iter": 30, "learning_rate_init": 0.02, "random_state": 0}
    both, forward = (RNNClassifier((8,), bidirectional=b, **options).fit(sequences, targets) for b in (True, False))
    assert both.score(sequences, targets) > 0.99 > 0.8 > forward.score(sequences, targets)


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
def test_fits_have_the_same_bits_for_any_number_of_threads_and_files_keep_them(cell, tmp_path):
    models = [model_of(cell, n_jobs=n, batch_size=20).fit(X, Y) for n in (1, 2, 3)]
    outputs = models[0].predict_proba(X)
    for model in models[1:]:
        np.testing.assert_array_equal(model.predict_proba(X), outputs)
    for i in (0, 7):
        np.testing.assert_array_equal(models[0].predict_proba(X[i : i + 1])[0], outputs[i])
    models[0].save(tmp_path / "model.safetensors")
    loaded = numrnn.load(tmp_path / "model.safetensors")
    assert loaded.bidirectional is True
    np.testing.assert_array_equal(loaded.predict_proba(X), outputs)
    loaded.partial_fit(X, Y)


def test_files_of_before_have_one_direction():
    model = RNNClassifier((3,), max_iter=1).fit(X, Y)
    stored = {name: value for name, value in model._architecture._asdict().items() if name != "bidirectional"}
    assert type(model._architecture)(**stored) == model._architecture


@pytest.mark.parametrize("inputs", [{"n_symbols": 5}, {"n_symbols": "auto", "embedding_size": 3}])
def test_symbols(inputs):
    y = [x[-1] for x in SYMBOLS]
    model = model_of(max_iter=60, learning_rate_init=0.02, **inputs).fit(SYMBOLS, y)
    assert model.score(SYMBOLS, y) > 0.9
    assert model.weights_["layers.0.reverse.U"].shape == (18, 3 if "embedding_size" in inputs else 5)


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
def test_features_are_the_final_states_of_both_directions(cell):
    model = model_of(cell).fit(X, Y)
    features = model.transform(X)
    assert features.shape == (40, 10) and len(model.get_feature_names_out()) == 10
    logits = features @ model.V_.T + model.c_
    np.testing.assert_allclose(np.exp(logits - logits.max(1, keepdims=True)).argmax(1), model.predict(X))
    differences = logits - logits[:, :1]
    expected = np.log(model.predict_proba(X))
    np.testing.assert_allclose(differences, expected - expected[:, :1], rtol=1e-3, atol=1e-5)


def test_names_and_shapes_of_weights():
    model = model_of("lstm", (4, 3)).initialize(X, Y)
    names = [f"layers.{layer}.{d}{letter}" for layer in (0, 1) for d in ("", "reverse.") for letter in "UWb"]
    assert list(model.weights_) == [*names, "V", "c"]
    assert [U.shape for U in model.U_] == [(16, 2), (16, 2), (12, 8), (12, 8)]
    assert [len(W) for W in (model.W_, model.b_)] == [4, 4] and model.V_.shape == (2, 6)
    assert not np.array_equal(model.U_[0], model.U_[1])
    np.testing.assert_array_equal(model.b_[3][3:6], [0, 1.5, 3])  # the reverse direction's forget gate
    model.set_weights({"layers.1.reverse.b": np.zeros(12)})
    assert not model.b_[3].any()


def test_the_other_way_round_gives_the_states_of_the_other_direction():
    model = model_of("lstm", (4,)).fit(X, Y)
    features = model.transform(X)
    swapped = {name.replace("layers.0.", "layers.0.reverse."): value for name, value in model.weights_.items()}
    swapped = {name.replace("reverse.reverse.", ""): value.copy() for name, value in swapped.items()}
    turned = clone(model).initialize(X, Y).set_weights(swapped).transform([x[::-1] for x in X])
    np.testing.assert_array_equal(np.roll(turned, 4, axis=1), features)


def test_other_solvers_early_stopping_and_loss_and_grad():
    y = np.array([x.mean() for x in X])
    model = RNNRegressor((4,), bidirectional=True, solver="lbfgs", max_iter=3, dtype="float64", random_state=0)
    losses = model.fit(X, y).loss_curve_
    assert losses[-1] < losses[0]
    loss, gradient = model.loss_and_grad(X, y)
    assert np.isfinite(loss) and set(gradient) == set(model.weights_)
    assert len(model_of(early_stopping=True, n_iter_no_change=1).fit(X, Y).validation_scores_) > 0


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_pools_and_learned_states(pooling, tmp_path):
    model = model_of("gru", (6, 5), pooling=pooling, initial_state="learned").fit(X, Y)
    assert model.transform(X).shape == (40, 10)
    assert model.weights_["layers.1.reverse.s_0"].any()
    model.save(tmp_path / "model.safetensors")
    loaded = numrnn.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


def test_mistakes():
    with pytest.raises(ValueError, match="bptt_steps=3: must be None with bidirectional=True"):
        model_of(bptt_steps=3).fit(X, Y)
    model = model_of("elman").fit(X, Y)
    for x in (X[0][0], X[0][0].astype(np.float32), np.stack([X[0][0]] * 3)):
        with pytest.raises(ValueError, match="bidirectional=True: predict_step needs bidirectional=False"):
            model.predict_step(x)
    model.set_params(warm_start=True, bidirectional=False)
    with pytest.raises(ValueError, match="bidirectional"):
        model.fit(X, Y)


def test_command_line(tmp_path):
    np.savez(tmp_path / "data.npz", values=np.concatenate(X), lengths=[len(x) for x in X], y=Y)
    options = ["--output", str(tmp_path / "out"), "--bidirectional", "--max-iter", "2"]
    assert main(["fit", str(tmp_path / "data.npz"), *options]) == 0
    assert numrnn.load(tmp_path / "out" / "model.safetensors").bidirectional is True
