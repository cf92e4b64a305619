"""Test encoder-decoders that train wholly on the GPU against the CPU."""

import pickle

import numpy as np
import pytest
from networks import relative_error

from numrnn import RNNSeq2Seq, TrainingDivergedError
from numrnn.data.batches import Batch
from numrnn.estimators.problem import Arguments
from numrnn.estimators.seq2seq.fitting import targets_of
from numrnn.network.cuda import batch_tables, graphs, transfer
from numrnn.network.cuda.encoder_decoder import PairCall
from numrnn.network.encoder_decoder import EncoderDecoder
from numrnn.network.interface import SolverStep
from numrnn.solvers import SGD, Adam, AdamW, RMSprop

RANDOM = np.random.default_rng(0)
READ, WRITTEN = (3, 1, 1, 3, 2, 2), (2, 1, 1, 2, 1, 2)  # mini-batches of two are of one shape, their lengths are not
NUMBERS = [RANDOM.normal(size=(steps, 2)) for steps in READ]
SYMBOLS = [RANDOM.integers(0, 3, steps) for steps in READ]
VECTORS = RANDOM.normal(size=(6, 3))
SERIES = [RANDOM.normal(size=(steps, 2)) for steps in WRITTEN]
WORDS = ["ba", "a", "b", "ab", "b", "aa"]
TEXTS = ["aba", "b", "a", "bba", "ab", "aa"]
TWOS, DROPOUT = [(0, 1), (2, 3), (4, 5)], {"dropout": 0.4, "recurrent_dropout": 0.3}
KINDS = [
    (NUMBERS, WORDS, {"cell": "lstm", "embedding_size": 2, "hidden_layer_sizes": (3, 2)}, DROPOUT),
    (SYMBOLS, SERIES, {"cell": "elman", "n_symbols": 3, "activation": "relu"}, {}),
    (VECTORS, WORDS, {"cell": "gru", "input": "vector"}, {"dropout": 0.4}),
    (TEXTS, WORDS, {"cell": "gru", "embedding_size": 3, "hidden_layer_sizes": (2, 3)}, {}),
    (TEXTS, WORDS, {"cell": "lstm"}, {}),
]


class Trainee:
    """Hold an encoder-decoder of one device, its data and the arrays that training changes."""

    def __init__(self, device, X, y, **params):
        params = {"hidden_layer_sizes": (3,), "dtype": "float64", "random_state": 0, **params}
        model = RNNSeq2Seq(**params).initialize(X, y)
        self.data = model._learn(model._options(), Arguments(X, y), continues=True).data
        self.targets, self.network = targets_of(self.data), model._architecture.network(device=device)
        self.theta, self.updates, self.solver_state = model._state.theta.copy(), 0, None
        self.grad, self.before = np.empty_like(self.theta), self.theta.copy()

    def train(self, solver=None, ids=TWOS, rate=0.05, alpha=0.1, clip_norm=0.5, **noise):
        """Train in one call on mini-batches of the given ids."""
        solver = solver or Adam()
        if self.solver_state is None:
            self.solver_state = solver.init_state(self.theta)
        numbers = self.updates + 1 + np.arange(len(ids))
        scalars = np.array([solver.scalars(rate / n, n) for n in numbers])
        step = SolverStep(solver.rule(), self.solver_state, scalars, alpha, clip_norm, **noise)
        parts = [Batch(np.array(each)) for each in ids]
        run = self.network.train(self.theta, self.data, self.targets, parts, step, self.grad, self.before)
        self.updates += run.done
        return run


def same(card, cpu, tolerance=1e-10):
    """Check that training changed the arrays of both devices alike."""
    for name in ("theta", "before", "grad"):
        assert relative_error(getattr(card, name), getattr(cpu, name)) <= tolerance, name
    for name, array in cpu.solver_state.items():
        assert relative_error(card.solver_state[name], array) <= tolerance, name


def same_runs(card, cpu, tolerance=1e-10):
    assert (card.outcome, card.done) == (cpu.outcome, cpu.done)
    for name in ("losses", "norms", "weight_sums"):
        assert relative_error(getattr(card, name), getattr(cpu, name)) <= tolerance, name


@pytest.mark.parametrize(("X", "y", "params", "noise"), KINDS)
def test_graphs_and_what_they_were_made_of_and_the_cpu_train_alike(X, y, params, noise, monkeypatch):
    graphed, eager, cpu = (Trainee(device, X, y, **params) for device in ("cuda", "cuda", "cpu"))
    for epoch in range(2):
        options = {"ids": TWOS[epoch:] + TWOS[:epoch], "seed": 7, "epoch": epoch, **noise}
        runs = [graphed.train(**options), cpu.train(**options)]
        with monkeypatch.context() as patch:
            patch.setattr(graphs, "MOST_GRAPHS", 0)
            runs.append(eager.train(**options))
        same_runs(*runs[:2])
        for name in ("losses", "norms"):
            np.testing.assert_array_equal(getattr(runs[0], name), getattr(runs[2], name))
    same(graphed, cpu)
    np.testing.assert_array_equal(graphed.theta, eager.theta)
    kept, other = (each.network._kept["both"].graphs for each in (graphed, eager))
    assert kept.captured == 2 and kept.replayed == 10  # the first mini-batch is run as it is, the second captured
    assert other.captured == other.replayed == 0


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_mini_batches_of_any_shape_or_of_one_pair(cell):
    card, cpu = (Trainee(device, TEXTS, SERIES, cell=cell) for device in ("cuda", "cpu"))
    for ids in ([(1,)], [(0, 1, 2, 3), (4,), (5, 2)], [(5, 4, 3, 2, 1, 0), (2,), (2, 1)]):
        same_runs(card.train(ids=ids), cpu.train(ids=ids))
    same(card, cpu)


@pytest.mark.parametrize("cell", ["elman", "lstm"])
def test_rows_without_a_sequence_add_nothing(cell, monkeypatch, fresh_memory_is_nan):
    """Check padding rows of encoder and decoder with dropout; three mini-batches of other lengths share one shape."""
    monkeypatch.setattr(batch_tables, "rounded", lambda counts, longest, sizes: -(-sizes // 8) * 8)
    params = {"cell": cell, "embedding_size": 2, "hidden_layer_sizes": (2, 3)}
    card, cpu = (Trainee(device, TEXTS, WORDS, **params) for device in ("cuda", "cpu"))
    for epoch in range(2):
        options = {"ids": [(0, 1), (3, 2), (5, 4)], "seed": 7, "epoch": epoch, **DROPOUT}
        same_runs(card.train(**options), cpu.train(**options))
    same(card, cpu)
    assert card.network._kept["both"].graphs.captured == 2


def test_two_sequences_of_one_step():
    card, cpu = (
        Trainee(device, [[[0.5]]], [[[1.0]]], hidden_layer_sizes=(1,), cell="elman") for device in ("cuda", "cpu")
    )
    same_runs(card.train(ids=[(0,)] * 3), cpu.train(ids=[(0,)] * 3))
    same(card, cpu)


@pytest.mark.parametrize(
    "solver",
    [SGD(momentum=0.0), SGD(nesterov=False), SGD(), Adam(), AdamW(weight_decay=0.1), RMSprop(), RMSprop(momentum=0.5)],
    ids=str,
)
def test_every_solver_makes_the_steps_of_the_cpu(solver):
    card, cpu = (Trainee(device, SYMBOLS, WORDS, n_symbols=3, cell="elman") for device in ("cuda", "cpu"))
    same_runs(card.train(solver, alpha=0.2, clip_norm=0.3), cpu.train(solver, alpha=0.2, clip_norm=0.3), 1e-12)
    same(card, cpu, 1e-12)


@pytest.mark.parametrize("options", [{"alpha": 0.0, "clip_norm": None}, {"alpha": 3.0, "clip_norm": 1e-3}], ids=str)
def test_l2_term_and_clipping_see_both_networks(options):
    card, cpu = (Trainee(device, NUMBERS, SERIES, cell="gru") for device in ("cuda", "cpu"))
    runs = card.train(SGD(), **options), cpu.train(SGD(), **options)
    same_runs(*runs)
    same(card, cpu)
    clipped = np.sqrt((card.grad**2).sum())
    assert clipped == pytest.approx(options["clip_norm"] or runs[0].norms[-1], rel=1e-2)


def test_a_gradient_alone_has_the_dropout_of_a_step():
    step = SolverStep(0, {}, np.zeros((1, 0)), seed=3, epoch=1, **DROPOUT)
    results = []
    for device in ("cpu", "cuda"):
        trainee = Trainee(device, TEXTS, WORDS, cell="lstm", hidden_layer_sizes=(3, 2))
        before = trainee.theta.copy()
        for given in (None, step):
            arguments = trainee.theta, trainee.data, trainee.targets, Batch(np.array([4, 1, 3])), trainee.grad
            results.append((*trainee.network.gradient(*arguments, step=given), trainee.grad.copy()))
        np.testing.assert_array_equal(trainee.theta, before)
    for cpu, card in zip(results[:2], results[2:], strict=True):
        for one, another in zip(card, cpu, strict=True):
            assert relative_error(np.asarray(one), np.asarray(another)) <= 1e-10


def test_training_that_diverges_ends_where_all_was_finite():
    card, cpu = (
        Trainee(device, TEXTS, SERIES, cell="elman", activation="relu", dtype="float32") for device in ("cuda", "cpu")
    )
    first = card.theta.copy()
    with np.errstate(all="ignore"):
        runs = [each.train(SGD(momentum=0.0), rate=1e30, clip_norm=None, ids=TWOS * 2) for each in (card, cpu)]
    assert runs[0].outcome == runs[1].outcome == "diverged" and runs[0].done == runs[1].done == 1
    assert np.isnan(runs[0].losses[2:]).all()  # nothing was done after that
    for each in (card, cpu):  # undoes the step to 1e30: back to the weights with a finite gradient
        np.testing.assert_array_equal(each.theta, first)
    card.theta[:] = 0.1  # the previous call's status must not be used
    assert card.train(SGD(momentum=0.0)).outcome == "done"


def test_a_fit_that_diverges_is_an_error_and_leaves_finite_weights():
    params = {"cell": "elman", "activation": "relu", "learning_rate_init": 1e30, "solver": "sgd", "random_state": 0}
    model = RNNSeq2Seq((3,), device="cuda", max_iter=20, batch_size=2, **params)
    with np.errstate(all="ignore"), pytest.raises(TrainingDivergedError):
        model.fit(TEXTS, SERIES)
    assert all(np.isfinite(values).all() for values in model.weights_.values())


def test_an_interrupt_within_a_call_keeps_what_was_learnt(monkeypatch):
    models = []
    for device, kind, name in (("cpu", EncoderDecoder, "gradient"), ("cuda", PairCall, "_run_batch")):
        function, calls = getattr(kind, name), []

        def interrupted(self, *args, function=function, calls=calls, **options):
            calls.append(1)
            if len(calls) == 6:
                raise KeyboardInterrupt
            return function(self, *args, **options)

        monkeypatch.setattr(kind, name, interrupted)
        monkeypatch.setattr("numrnn.training.loop.SECONDS_PER_CALL", 1e9)  # calls of 1, then 2 mini-batches
        model = RNNSeq2Seq((3,), batch_size=2, max_iter=3, random_state=0, device=device)
        with pytest.warns(UserWarning, match="interrupted"):
            model.fit(TEXTS, WORDS)
        models.append(model)
    cpu, card = models
    assert card._state.n_updates == cpu._state.n_updates == 5
    assert relative_error(card._state.theta, cpu._state.theta) <= 1e-5


def test_data_are_copied_once_or_brought_by_buffers_with_the_same_bits(monkeypatch):
    card, streamed = (Trainee("cuda", NUMBERS, WORDS, cell="gru", embedding_size=2) for _ in range(2))
    networks = card.network.encoder, card.network.decoder
    copies = []
    for _ in range(2):
        card.train()
        copies.append([network._sources._copy for network in networks])
    assert all(one is not None and one is other for one, other in zip(*copies, strict=True))
    brought, bring = [], transfer.Buffers.bring
    monkeypatch.setattr(transfer, "SHARE", 0.0)
    monkeypatch.setattr(transfer.Buffers, "bring", lambda self, *args: brought.append(args[0]) or bring(self, *args))
    for _ in range(2):
        streamed.train()
    assert brought == 6 * [4, 5]
    np.testing.assert_array_equal(streamed.theta, card.theta)


def test_theta_stays_on_the_card_until_somebody_asks():
    card, other = (Trainee("cuda", TEXTS, WORDS, cell="elman") for _ in range(2))
    first = card.theta.copy()
    with card.network.resident() as settle:
        card.train()
        np.testing.assert_array_equal(card.theta, first)
        settle()
        other.train()
        np.testing.assert_array_equal(card.theta, other.theta)
        card.theta[:] += 0.5  # after settle() the caller may change theta
        other.theta[:] += 0.5
        for _ in range(2):
            card.train()
            other.train()
    same(card, other, 0.0)


def test_partial_fit_goes_on_with_the_network_of_the_call_before():
    card, cpu = (RNNSeq2Seq((3,), device=device, dtype="float64", random_state=0) for device in ("cuda", "cpu"))
    networks = []
    for X in (TEXTS, TEXTS[::-1], TEXTS):
        for model in (card, cpu):
            model.partial_fit(X, WORDS)
        networks.append(card._state.network)
    assert networks[0] is networks[1] is networks[2] and networks[0]._kept["both"].graphs.replayed >= 1
    assert relative_error(card._state.theta, cpu._state.theta) <= 1e-10


def test_arrays_that_move_are_not_those_that_graphs_know():
    """Check that graphs of earlier calls stay right after longer sequences on one side, more pairs or other data."""
    card, cpu = (Trainee(device, TEXTS, WORDS, cell="elman") for device in ("cuda", "cpu"))
    others = [(2 * 3 * ["ab" * 5], WORDS), (TEXTS, 2 * 3 * ["ba" * 4]), (2 * TEXTS, WORDS * 2), (TEXTS, WORDS)]
    others = [Trainee("cpu", *other, cell="elman") for other in others]
    for other in others:
        for trainee in (card, cpu):
            trainee.data, trainee.targets = other.data, other.targets
            for _ in range(2):
                trainee.train(ids=TWOS if len(other.data) == 6 else [(0, 7, 2, 9), (1, 8, 3, 4)])
        same(card, cpu)
    assert card.network._kept["both"].graphs.captured >= 6


def test_networks_are_pickled_without_what_lies_on_a_card():
    card, cpu = (Trainee(device, TEXTS, WORDS, cell="elman") for device in ("cuda", "cpu"))
    for trainee in (card, cpu):
        trainee.train()
        trainee.network = pickle.loads(pickle.dumps(trainee.network))
    assert card.network._kept["both"].graphs.captured == 0
    same_runs(card.train(), cpu.train())
    same(card, cpu)
