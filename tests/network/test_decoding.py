"""Test greedy and beam decoding, and decoding of vectors, against the reference and all possible sequences."""

from itertools import product

import naive
import numpy as np
import pytest

from numrnn import RNNSeq2Seq
from numrnn.kernels.cpu.beam_search import extend
from numrnn.network import decoding

RNG = np.random.default_rng(5)
X = [RNG.integers(0, 3, n) for n in (3, 1, 5, 2, 4, 1, 2, 7, 3, 2)]
END = 2  # the symbols are 0 and 1
LONGEST = 3


def model_of(cell="gru", scale=3.0, **params):
    """Return a model whose weights are large enough for sequences to differ."""
    y = [RNG.integers(0, END, 3) for _ in X[:-1]] + [np.array([0, END - 1])]
    params = {"hidden_layer_sizes": (4,), "n_symbols": 3, "dtype": "float64"} | params
    model = RNNSeq2Seq(cell=cell, random_state=0, **params).initialize(X, y)
    return model.set_weights({name: scale * values for name, values in model.weights_.items()})


def everything(max_length):
    """Return all sequences of at most `max_length` symbols."""
    return [np.array(each, int) for n in range(max_length + 1) for each in product(range(END), repeat=n)]


def slow_log_probabilities(model, x, sequences, ended=True):
    weights = {name: np.array(values) for name, values in model.weights_.items()}
    kind = dict(end=END, cell=model.cell, ended=ended)
    return np.array([naive.log_probability(weights, x, each, **kind) for each in sequences])


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
@pytest.mark.parametrize("length_penalty", [0.0, 0.6, 3.0])
def test_a_wide_beam_finds_the_best_of_all(cell, length_penalty):
    model, sequences = model_of(cell), everything(LONGEST)
    wide = 2 * len(sequences)
    found = model.predict(X, beam_width=wide, length_penalty=length_penalty, max_length=LONGEST)
    for x, written in zip(X, found, strict=True):
        penalties = np.array([((5 + len(each) + 1) / 6) ** length_penalty for each in sequences])
        best = np.argmax(slow_log_probabilities(model, x, sequences) / penalties)
        assert written.tolist() == sequences[best].tolist()


def test_penalties_favour_longer_sequences():
    model = model_of()
    lengths = [
        sum(map(len, model.predict(X, beam_width=30, length_penalty=a, max_length=LONGEST))) for a in (0.0, 3.0, 30.0)
    ]
    assert lengths[0] < lengths[1] <= lengths[2]


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
def test_greedy_writing_is_the_slow_one(cell):
    model = model_of(cell)
    for x, written in zip(X, model.predict(X, max_length=4), strict=True):
        expected = []
        while len(expected) < 4:
            options = [[*expected, symbol] for symbol in range(END)]
            going_on = slow_log_probabilities(model, x, options, ended=False)
            ending = slow_log_probabilities(model, x, [expected])[0]
            if ending > going_on.max():
                break
            expected.append(int(going_on.argmax()))
        assert written.tolist() == expected


@pytest.mark.parametrize("length_penalty", [0.0, 0.6, 5.0])
@pytest.mark.parametrize("max_length", [1, 2, 9])
def test_a_beam_of_one_is_greedy(length_penalty, max_length):
    model = model_of("lstm")
    network = model._architecture.predictor(model._state.theta)
    states = network.read(model._readers()[0].read(X))
    options = {"end": END, "max_length": max_length}
    greedy = decoding.write_greedily(network, states, **options)
    beams = decoding.write_by_beams(network, states, width=1, length_penalty=length_penalty, **options)
    assert [each.tolist() for each in greedy] == [each.tolist() for each in beams]
    assert max(map(len, greedy)) <= max_length


def test_what_is_never_ended_is_cut():
    model = model_of()
    model.set_weights({"decoder.c": [0.0, 1.0, -100.0]})
    for width in (1, 2):  # a wider one would look at ends, too
        assert [len(each) for each in model.predict(X, beam_width=width, max_length=5)] == [5] * len(X)
    assert {len(each) for each in model.predict(X)} == {2 * model.longest_target_}


def test_nothing_at_all_may_be_written():
    model = model_of()
    model.set_weights({"decoder.c": [0.0, 1.0, 100.0]})
    for width in (1, 3):
        assert [len(each) for each in model.predict(X, beam_width=width)] == [0] * len(X)
    assert model.predict(X)[0].dtype == np.int64


@pytest.mark.parametrize("params", [{"hidden_layer_sizes": (40, 24)}, {"cell": "lstm", "embedding_size": 3}], ids=str)
def test_bits_do_not_depend_on_neighbours_groups_or_threads(params, monkeypatch):
    model = model_of(dtype="float32", scale=2.0, **params)
    for options in ({}, {"beam_width": 4, "length_penalty": 0.6}):
        expected = [each.tolist() for each in model.predict(X, **options)]
        assert [model.predict([x], **options)[0].tolist() for x in X] == expected
        assert [each.tolist() for each in model.set_params(n_jobs=2).predict(X, **options)] == expected
        monkeypatch.setattr(decoding, "SEQUENCES", 3)
        assert [each.tolist() for each in model.predict(X, **options)] == expected


def test_states_on_the_way_are_those_of_one_call():
    """Check that a decoder called step by step has the states of one that reads a whole sequence."""
    model = model_of("lstm", dtype="float32", hidden_layer_sizes=(20, 12))
    y = [RNG.integers(0, END, n) for n in (3, 2, 4, 1, 3, 2, 2, 3, 5, 1)]
    loss, _ = model.loss_and_grad(X, y)
    network = model._architecture.predictor(model._state.theta)
    states, total = network.read(model._readers()[0].read(X)), 0.0
    for state, symbols in zip(states, y, strict=True):
        state, before = state[None], END
        for symbol in [*symbols, END]:
            logits, state = network.write(decoding._one_step(np.array([before]), END), state)
            row = logits[0].astype(float)
            total += np.log(np.exp(row - row.max()).sum()) + row.max() - row[symbol]
            before = symbol
    assert loss == pytest.approx(total / sum(len(each) + 1 for each in y), rel=1e-5)


@pytest.mark.parametrize("cell", ["elman", "gru", "lstm"])
def test_vectors_are_read_again(cell):
    y = [RNG.standard_normal((n, 2)) for n in (2, 3, 1, 4, 2, 2, 1, 3, 5, 2)]
    model = RNNSeq2Seq((4, 3), cell=cell, n_symbols=3, dtype="float64", random_state=0, scale_targets=False)
    found = model.initialize(X, y).predict(X, lengths=[len(rows) for rows in y])
    encoder, decoder = naive.parts({name: np.array(values) for name, values in model.weights_.items()})
    for x, rows in zip(X, found, strict=True):
        state = naive.final_states(encoder, [x], [naive.first_state(encoder, cell)], cell)[0]
        now, expected = np.zeros(2), []
        for _ in rows:
            tapes, tops = naive.run(decoder, now[None], cell, "tanh", state)
            state = np.concatenate([states[-1] for _, states, _ in tapes])
            now = decoder["V"] @ tops[-1] + decoder["c"]
            expected.append(now)
        np.testing.assert_allclose(rows, expected, rtol=1e-9, atol=1e-12)
    assert [rows.shape for rows in model.predict(X[:2], lengths=3)] == [(3, 2)] * 2
    assert np.array_equal(model.predict(X[3:4], lengths=4)[0], found[3])


def test_the_best_continuations_come_first_and_ties_keep_their_order():
    logits = np.log(np.array([[0.5, 0.25, 0.25], [0.2, 0.2, 0.6], [0.1, 0.8, 0.1]]))
    scores, first, widths = np.array([0.0, -0.1, 0.0]), np.array([0, 2, 3]), np.array([4, 5])
    parents, symbols, found = np.zeros(9, np.int64), np.zeros(9, np.int64), np.zeros(9)
    counts = np.zeros(2, np.int64)
    extend(logits, scores, first, widths, parents, symbols, found, counts)
    assert counts.tolist() == [4, 3]
    assert list(zip(parents[:4].tolist(), symbols[:4].tolist(), strict=True)) == [(1, 2), (0, 0), (0, 1), (0, 2)]
    assert symbols[4:7].tolist() == [1, 0, 2]
    np.testing.assert_allclose(np.exp(found[:4]), [0.6 * np.exp(-0.1), 0.5, 0.25, 0.25])
