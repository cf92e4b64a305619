"""Test arrays of ragged mini-batches, which are padded with rows so that graphs recur: padding adds nothing."""

import numpy as np
import pytest
from networks import relative_error
from problems import make_problem
from test_gradients import case_of
from test_graphs import trained

from numrnn import RNNClassifier
from numrnn.data.batches import epoch_batches, full_batch
from numrnn.data.random_streams import mask_keys
from numrnn.network.cuda import batch_tables, graphs, training, transfer
from numrnn.network.cuda.batch_tables import rounded
from numrnn.network.cuda.graphs import Graphs
from numrnn.network.interface import Masks, SolverStep
from numrnn.training import loop

LENGTHS = (3, 1, 4, 2)
PARTS = [(0, 2), (1, 3), (1, 2)]  # of 7, 3 and 5 steps
CELLS = ["elman", "gru", "lstm"]
KINDS = [
    {"output": "step"},
    {"pooling": "mean", "head": "sigmoid"},
    {"pooling": "max", "bidirectional": True, "dropout": 0.4},
    {"n_symbols": 5},
    {"n_symbols": 5, "embedding_size": 2, "output": "step", "dropout": 0.4},
    {"hidden": (3, 2), "bidirectional": True, "output": "step", "head": "identity", "dropout": 0.4},
    {"n_symbols": 4, "hidden": (2, 3), "bidirectional": True, "initial_state": "learned", "dropout": 0.4},
]


def to_multiples(of):
    """Return a replacement of `rounded` that pads small arrays, too."""
    return lambda counts, longest, sizes: -(-sizes // of) * of


def gradients(problem, dropout):
    """Return losses and gradients of mini-batches computed in turn by one network, and its graphs."""
    case, results = case_of(problem), []
    for part in map(np.array, PARTS):
        grad, batch = np.empty_like(case.theta), full_batch(case.data.lengths[part], 8)
        masks = Masks(dropout, dropout, mask_keys(3, 1, np.arange(len(LENGTHS)), np.zeros(len(LENGTHS), np.int64)))
        batch = batch._replace(ids=part[batch.ids])
        step = SolverStep.none(case.theta.dtype, masks=masks if dropout else None)
        loss, _ = case.network.gradient(case.theta, case.data, case.targets, batch, grad, step=step)
        results.append(np.append(grad, loss))
    return results, case.network._kept.graphs


@pytest.mark.parametrize(
    ("cell", "kind"),
    [*((cell, KINDS[0]) for cell in CELLS), *((CELLS[i % 3], kind) for i, kind in enumerate(KINDS[1:]))],
    ids=str,
)
def test_rows_without_a_sequence_add_nothing(cell, kind, monkeypatch, fresh_memory_is_nan):
    options = {"hidden": (3,), "D": 2, "K": 2, **kind}
    dropout = options.pop("dropout", 0.0)
    problem = make_problem(cell, lengths=LENGTHS, **options)
    monkeypatch.setattr(batch_tables, "rounded", lambda counts, longest, sizes: sizes)
    exact, ran = gradients(problem, dropout)
    assert ran.captured == 0
    monkeypatch.setattr(batch_tables, "rounded", to_multiples(8))
    got, ran = gradients(problem, dropout)
    assert ran.captured == 2 and ran.replayed == 4
    monkeypatch.setattr(graphs, "MOST_GRAPHS", 0)
    same, _ = gradients(problem, dropout)
    for one, eager, expected in zip(got, same, exact, strict=True):
        np.testing.assert_array_equal(one, eager)
        assert relative_error(one, expected) <= 1e-12


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_chunks_of_ragged_sequences_carry_the_same_states(cell, monkeypatch, fresh_memory_is_nan):
    results = []
    for of in (1, 8):
        monkeypatch.setattr(batch_tables, "rounded", to_multiples(of))
        case = case_of(make_problem(cell, hidden=(3,), D=2, K=2, lengths=(4, 1, 5, 2, 5, 3), output="step"))
        results.append((*trained(case, chunks=3), case.theta))
    for got, expected in zip(*results, strict=True):
        assert relative_error(got, expected) <= 1e-10


@pytest.mark.parametrize("share", [1.0, 0.0], ids=["one copy", "two buffers"])
def test_a_ragged_fit_replays_graphs(share, monkeypatch, fresh_memory_is_nan):
    made = []
    monkeypatch.setattr(training, "Graphs", lambda: made.append(Graphs()) or made[-1])
    monkeypatch.setattr(batch_tables, "rounded", to_multiples(32))
    monkeypatch.setattr(transfer, "SHARE", share)
    monkeypatch.setattr(loop, "SECONDS_PER_CALL", 1e-9)  # a call a mini-batch, however fast this machine is
    random = np.random.default_rng(0)
    X = [random.normal(size=(steps, 2)).astype(np.float32) for steps in random.permutation(12) + 1]
    y, theta = random.integers(0, 2, len(X)), []
    for device in ("cuda", "cpu"):
        model = RNNClassifier((3,), device=device, batch_size=3, max_iter=4, random_state=0).fit(X, y)
        theta.append(model._state.theta)
    assert relative_error(*theta) <= 1e-5
    (kept,) = (kept for kept in made if kept.captured)
    # `take` and `learn` of 16 mini-batches: of 32 rows or 64, `take` from one buffer or the other
    assert kept.captured <= (4 if share else 6) and kept.replayed >= 20


def test_few_rows_are_added_and_none_where_lengths_are_equal():
    sizes = np.arange(1, 5000)
    got, longest = rounded(np.full_like(sizes, 2), sizes, sizes), np.ones_like(sizes)
    assert (got >= sizes).all() and ((got - sizes) * 16 < sizes).all()
    np.testing.assert_array_equal(got[:31], sizes[:31])
    assert len(np.unique(got[(got >= 1024) & (got < 2048)])) == 16
    np.testing.assert_array_equal(rounded(sizes, longest, sizes), sizes)
    np.testing.assert_array_equal(rounded(np.array([32, 7]), np.array([99, 99]), np.array([3168, 693])), [3168, 693])


def test_shapes_of_ragged_fits(monkeypatch):
    """Check the figures of docs/design/cuda.rst for ragged fits.

    There are 2,000 sequences of 1 to 100 steps, 32 in a mini-batch, and 10 epochs, which makes 630 mini-batches.
    """
    lengths, generator = np.random.default_rng(0).integers(1, 101, 2000), np.random.default_rng(1)
    drawn = [
        lengths[batch.ids]
        for _ in range(10)
        for batch in epoch_batches(lengths, 32, shuffle=True, generator=generator, tile_rows=8)
    ]
    counts, longest, sizes = (np.array([function(part) for part in drawn]) for function in (len, np.max, np.sum))
    rows, found = rounded(counts, longest, sizes), []
    assert rows.sum() / sizes.sum() < 1.025
    monkeypatch.setattr(graphs, "in_simulator", lambda: True)
    for array in (sizes, rows):
        shapes, kept = list(zip(counts.tolist(), array.tolist(), strict=True)), Graphs()
        for shape in shapes:
            for name in ("take", "learn"):
                kept.run((name, shape), lambda: None)
        found.append((len(set(shapes)), kept.replayed))
    (before, few), (after, many) = found  # 407 and 154, 46 and 1,160
    assert before > 380 and few < 200 and after < 50 and many > 1100
