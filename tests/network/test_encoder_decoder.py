"""Test the loss and gradient of encoder-decoders against the reference, for all kinds of inputs and outputs."""

import naive
import numpy as np
import pytest
from networks import relative_error

from numrnn import RNNSeq2Seq, Sequences, TrainingDivergedError
from numrnn.data.batches import Batch
from numrnn.data.sources import Targets
from numrnn.data.symbols.next_symbols import Pairs, shifted
from numrnn.estimators.problem import Arguments
from numrnn.estimators.seq2seq.fitting import targets_of
from numrnn.kernels.cpu.updates import NO_STEP
from numrnn.network.encoder_decoder import EncoderDecoder
from numrnn.network.interface import SolverStep

CELLS = [("elman", "tanh"), ("elman", "relu"), ("gru", "tanh"), ("lstm", "tanh")]
RNG = np.random.default_rng(0)
SOURCE_LENGTHS = [3, 1, 7, 2, 1, 40, 5, 4, 9, 1, 2]
TARGET_LENGTHS = [1, 4, 2, 1, 8, 3, 35, 2, 1, 6, 2]
SOURCES = {
    "numbers": [RNG.standard_normal((n, 3)) for n in SOURCE_LENGTHS],
    "symbols": [RNG.integers(0, 5, n) for n in SOURCE_LENGTHS],
    "vectors": RNG.standard_normal((len(SOURCE_LENGTHS), 4)),
}
TARGETS = {
    "symbols": [RNG.integers(0, 4, n) for n in TARGET_LENGTHS],
    "numbers": [RNG.standard_normal((n, 2)) for n in TARGET_LENGTHS],
}
KINDS = [
    *((source, target, None) for source in SOURCES for target in TARGETS),
    ("symbols", "symbols", 3),
    ("numbers", "symbols", 3),
    ("symbols", "numbers", 3),
]


def model_of(source, target, embedding_size=None, scale=1.0, **params):
    """Return a model with given symbols and weights whose states neither vanish nor saturate."""
    params = {"hidden_layer_sizes": (5,), "dtype": "float64", "random_state": 0, "scale_targets": False} | params
    model = RNNSeq2Seq(
        input="vector" if source == "vectors" else "sequence",
        n_symbols=5 if source == "symbols" else None,
        embedding_size=embedding_size,
        **params,
    ).initialize(SOURCES[source], TARGETS[target])
    random = np.random.default_rng(1)
    drawn = {}
    for name, values in model.weights_.items():
        width = values.shape[-1] if values.ndim == 2 and not name.endswith("embedding") else 2
        drawn[name] = scale * random.standard_normal(values.shape) / np.sqrt(width)
    return model.set_weights(drawn)


def slow(model, X, y, alpha=0.0):
    """Return the loss and the gradient of the reference implementation, and the weights."""
    weights = {name: np.array(values, np.float64) for name, values in model.weights_.items()}
    X = [np.atleast_2d(x) if model.input == "vector" else x for x in X]
    kind = dict(cell=model.cell, activation=model.activation, end=model.n_target_symbols_)
    return naive.pair_gradient(weights, X, y, alpha, **kind), weights


@pytest.mark.parametrize(("cell", "activation"), CELLS)
@pytest.mark.parametrize("hidden", [(5,), (4, 6)])
@pytest.mark.parametrize(("source", "target", "embedding_size"), KINDS)
def test_loss_and_gradient_are_the_slow_ones(cell, activation, hidden, source, target, embedding_size):
    model = model_of(
        source, target, embedding_size, cell=cell, activation=activation, hidden_layer_sizes=hidden, alpha=0.1
    )
    loss, gradient = model.loss_and_grad(SOURCES[source], TARGETS[target])
    (expected_loss, expected), _ = slow(model, SOURCES[source], TARGETS[target], 0.1)
    assert loss == pytest.approx(expected_loss, rel=1e-12)
    assert gradient.keys() == expected.keys()
    for name, values in gradient.items():
        assert relative_error(values, expected[name]) <= 1e-10, name


@pytest.mark.parametrize(
    ("cell", "activation", "source", "target", "embedding_size"),
    [(*CELLS[i % 4], *kind) for i, kind in enumerate(KINDS[::2])],
)
def test_the_slow_gradient_is_that_of_central_differences(cell, activation, source, target, embedding_size):
    model = model_of(source, target, embedding_size, cell=cell, activation=activation, hidden_layer_sizes=(3, 2))
    X, y = SOURCES[source][:5], TARGETS[target][:5]
    (_, gradient), weights = slow(model, X, y, 0.1)
    X = [np.atleast_2d(x) if source == "vectors" else x for x in X]
    kind = dict(cell=cell, activation=activation, end=model.n_target_symbols_)

    def loss():
        return naive.pair_gradient(weights, X, y, 0.1, **kind)[0]

    for name in ("encoder.layers.0.U", "encoder.layers.1.W", "encoder.layers.0.b", "decoder.layers.0.U", "decoder.V"):
        differences = naive.central_differences(loss, weights[name])
        assert relative_error(gradient[name], differences) <= 1e-6, name


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
def test_dropout_leaves_gradients_right(cell):
    """Check that the gradient agrees with central differences if the masks of a step are fixed."""
    model = model_of("symbols", "symbols", 3, cell=cell, hidden_layer_sizes=(5, 4))
    data, targets, network = prepared(model, SOURCES["symbols"], TARGETS["symbols"])
    theta = model._state.theta.copy()
    step = SolverStep(NO_STEP, {}, np.zeros((1, 0)), dropout=0.4, recurrent_dropout=0.3, seed=7)
    batch, grad = Batch(np.arange(len(data))), np.zeros_like(theta)

    def loss():
        return network.gradient(theta, data, targets, batch, np.zeros_like(theta), step=step)[0]

    kept = network.gradient(theta, data, targets, batch, grad, step=step)[0]
    assert abs(kept - network.gradient(theta, data, targets, batch, grad.copy())[0]) > 1e-3
    assert loss() == kept
    differences = naive.central_differences(loss, theta)
    assert relative_error(grad, differences) <= 1e-6


def test_masks_of_the_encoder_and_the_decoder_differ_and_belong_to_pairs():
    """Check that a pair's masks do not depend on its mini-batch, and that both networks have their own."""
    model = model_of("symbols", "symbols", hidden_layer_sizes=(6,))
    data, targets, network = prepared(model, SOURCES["symbols"], TARGETS["symbols"])
    theta, step = model._state.theta, SolverStep(NO_STEP, {}, np.zeros((1, 0)), recurrent_dropout=0.5, seed=3)
    grad, summed = np.zeros_like(theta), np.zeros_like(theta)
    for ids in (np.array([3, 0, 5]), np.array([7, 2])):
        _, steps = network.gradient(theta, data, targets, Batch(ids), grad, step=step)
        summed += grad * steps
    _, steps = network.gradient(theta, data, targets, Batch(np.array([0, 2, 3, 5, 7])), grad, step=step)
    np.testing.assert_allclose(summed, grad * steps, rtol=1e-10, atol=1e-12)


def prepared(model, X, y):
    """Return the data, the targets and the network of a model."""
    theta = model._state.theta.copy()
    data = model._learn(model._options(), Arguments(X, y), continues=True).data
    assert np.array_equal(theta, model._state.theta)
    return data, targets_of(data), model._architecture.network(1)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("source", "target", "embedding_size"), KINDS[1::2])
def test_bits_do_not_depend_on_n_jobs(source, target, embedding_size, dtype):
    fits = [
        RNNSeq2Seq(
            (48, 40), cell="lstm", input="vector" if source == "vectors" else "sequence",
            n_symbols=5 if source == "symbols" else None, embedding_size=embedding_size, dtype=dtype, n_jobs=n_jobs,
            random_state=0, max_iter=2, batch_size=64, dropout=0.2, recurrent_dropout=0.2,
        ).fit(20 * list(SOURCES[source]), 20 * TARGETS[target])
        for n_jobs in (1, 2, 3)
    ]  # fmt: skip
    for other in fits[1:]:
        assert other.loss_curve_ == fits[0].loss_curve_
        for name, values in other.weights_.items():
            assert np.array_equal(values, fits[0].weights_[name]), name


def test_an_interrupt_and_divergence_leave_what_was_learnt(monkeypatch):
    X, y = 4 * SOURCES["symbols"], 4 * TARGETS["symbols"]
    gradient, calls = EncoderDecoder.gradient, []

    def interrupted(self, *args, **options):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return gradient(self, *args, **options)

    monkeypatch.setattr(EncoderDecoder, "gradient", interrupted)
    model = RNNSeq2Seq((5,), n_symbols=5, batch_size=10, random_state=0)
    first = model.initialize(X, y).weights_["decoder.c"].copy()
    with pytest.warns(UserWarning, match="interrupted"):
        model.fit(X, y)
    assert model._state.n_updates == 3 and np.abs(model.weights_["decoder.c"] - first).max() > 1e-4
    monkeypatch.undo()
    params = {"cell": "elman", "activation": "relu", "solver": "sgd", "batch_size": 10, "random_state": 0}
    model = RNNSeq2Seq((5,), n_symbols=5, learning_rate_init=1e30, **params)
    first = {name: values.copy() for name, values in model.initialize(X, y).weights_.items()}
    with pytest.raises(TrainingDivergedError):
        model.fit(X, y)
    for name, values in model.weights_.items():  # the step to 1e30 is undone
        np.testing.assert_array_equal(values, first[name])


def test_the_loss_of_many_groups_is_that_of_one(monkeypatch):
    model = model_of("numbers", "symbols", cell="lstm")
    data, targets, network = prepared(model, SOURCES["numbers"], TARGETS["symbols"])
    expected, _ = model.loss_and_grad(SOURCES["numbers"], TARGETS["symbols"])
    for size in (1, 4, 1024):
        monkeypatch.setattr("numrnn.network.encoder_decoder.PAIRS", size)
        assert network.loss(model._state.theta, data, targets)[0] == pytest.approx(expected, rel=1e-12)


def test_shifted_targets():
    symbols = shifted(Sequences.from_list([[0, 1], [1], [0, 0, 1]]), end=2)
    assert symbols.values.dtype == np.uint8
    vectors = shifted(Sequences.from_list([[[1.0], [2.0]], [[3.0]]]))
    for steps, expected in [(symbols, [([2, 0, 1], [0, 1, 2]), ([2, 1], [1, 2]), ([2, 0, 0, 1], [0, 0, 1, 2])]),
                            (vectors, [([[0], [1]], [[1], [2]]), ([[0]], [[3]])])]:  # fmt: skip
        found = [
            (steps.values[start : start + n].tolist(), steps.targets[start : start + n].tolist())
            for start, n in zip(steps.offsets, steps.lengths, strict=True)
        ]
        assert found == expected


def test_pairs_are_taken_as_they_are():
    source, target = Sequences.from_list([[5, 6, 7], [8]]), shifted(Sequences.from_list([[0, 1], [1]]), end=2)
    pairs = Pairs(source, target).choose(np.array([1]))
    assert len(pairs) == 1 and pairs.lengths.tolist() == [3] and pairs.source.gather(np.array([0]))[1] == [3]
    assert Targets(pairs.target.targets).values[pairs.target.offsets[0]] == 1
