"""Test graphs of mini-batches.

In the simulator, a graph calls the captured functions again with the present contents of the arrays. A value that
the host computed for the captured mini-batch, and not for the present one, would therefore give wrong numbers.
"""

import pickle

import numpy as np
import pytest
from networks import Case, relative_error
from problems import make_problem
from test_gradients import case_of

from numrnn.data.batches import full_batch, in_chunks
from numrnn.data.sources import Targets
from numrnn.network.cpu.network import CPUNetwork
from numrnn.network.cuda import graphs
from numrnn.network.cuda.batch_tables import lay_out, tabulate
from numrnn.network.cuda.cublas import arguments
from numrnn.network.cuda.graphs import Graphs, Room
from numrnn.network.cuda.network import CudaNetwork
from numrnn.network.interface import SolverStep
from numrnn.network.parameters import Layout
from numrnn.solvers import SGD, Adam

PAIRS = [(0, 1), (2, 3), (4, 5)]  # mini-batches
EQUAL, RECURRING = (3,) * 6, (3, 1, 1, 3, 2, 2)  # all of one shape, of lengths that differ or not
DROPOUT = {"dropout": 0.4, "recurrent_dropout": 0.3}
KINDS = [
    ({"output": "step", "hidden": (3, 2)}, {}),
    ({"cell": "lstm", "head": "sigmoid", "pooling": "mean"}, {}),
    ({"cell": "gru", "initial_state": "learned", "bidirectional": True}, {}),
    ({"n_symbols": 4, "pooling": "max"}, {}),
    ({"n_symbols": 5, "embedding_size": 2, "output": "step"}, {"dropout": True}),
    ({"cell": "lstm", "hidden": (3, 2), "initial_state": "learned"}, {"dropout": True}),
    ({"cell": "lstm", "output": "step"}, {"chunks": 2}),
    ({"cell": "gru", "n_symbols": 4, "output": "step"}, {"chunks": 2, "dropout": True}),
    ({"head": "identity", "initial_state": "learned"}, {"chunks": 2}),
]


def trained(case, epochs=2, *, dropout=False, chunks=None, pairs=PAIRS):
    """Train some epochs by Adam, one epoch per call, and return the losses and states; the case holds the rest."""
    lengths, rows, solver = case.data.lengths, case.network.tile_rows, Adam()
    batches = []
    for ids in map(np.array, pairs):
        batch = full_batch(lengths[ids], rows)
        batches.append(batch._replace(ids=ids[batch.ids]))
    if chunks:
        batches = in_chunks(batches, lengths, chunks, rows)
    case.state.prepare(solver)
    state, losses = np.zeros((len(lengths), case.network.state_size)), []
    for epoch in range(epochs):
        if not chunks:
            batches = batches[1:] + batches[:1]
        rates = 0.02 / (1 + np.arange(len(batches)))
        scalars = np.array([solver.scalars(rate, 1 + n + epoch * len(batches)) for n, rate in enumerate(rates)])
        noise = {**DROPOUT, "seed": 7, "epoch": epoch} if dropout else {}
        step = SolverStep(solver.rule(), case.state.solver_state, scalars, 0.1, 0.5, **noise)
        grad = np.empty_like(case.theta)
        run = case.network.train(
            case.theta, case.data, case.targets, batches, step, grad, case.before, state if chunks else None
        )
        assert run.outcome == "done"
        losses.append(run.losses)
    return np.concatenate(losses), state


@pytest.mark.parametrize(
    ("kind", "way", "lengths"),
    [*((*kind, RECURRING) for kind in KINDS), (*KINDS[0], EQUAL), (*KINDS[-1], EQUAL)],
    ids=str,
)
def test_a_graph_does_what_its_function_does(monkeypatch, kind, way, lengths):
    problem = make_problem(**{"hidden": (3,), "D": 2, "K": 2, **kind}, lengths=lengths)
    cases = [case_of(problem), case_of(problem), Case(problem)]
    results = [trained(cases[0], **way)]
    with monkeypatch.context() as patch:
        patch.setattr(graphs, "MOST_GRAPHS", 0)
        results.append(trained(cases[1], **way))
    results.append(trained(cases[2], **way))
    graphed, eager = (case.network._kept.graphs for case in cases[:2])
    assert eager.replayed == eager.captured == 0
    if way.get("chunks"):  # of several shapes, with targets or without
        assert graphed.captured > 2 and graphed.replayed >= 8
    else:  # of six mini-batches the first is run as it is, the second captured
        assert graphed.captured == 2 and graphed.replayed == 10
    np.testing.assert_array_equal(cases[0].theta, cases[1].theta)
    for got, same, cpu in zip(*results, strict=True):
        np.testing.assert_array_equal(got, same)
        assert relative_error(got, cpu) <= 1e-10
    assert relative_error(cases[0].theta, cases[2].theta) <= 1e-10


def test_shapes_that_do_not_recur_have_no_graphs():
    problem = make_problem(lengths=(4, 1, 3, 3, 5, 2))  # mini-batches of 5, 6 and 7 steps
    case, cpu = case_of(problem), Case(problem)
    trained(case, 1)
    kept = case.network._kept.graphs
    assert kept.captured == kept.replayed == 0
    trained(case, 1)
    assert kept.captured == kept.replayed == 6
    for _ in range(2):
        trained(cpu, 1)
    assert relative_error(case.theta, cpu.theta) <= 1e-10


def test_graphs_of_a_call_serve_the_next_on_other_data():
    """Check graphs with other classes, weights and given states, which may lie elsewhere in each call."""
    case, cpu = (kind(make_problem("lstm", lengths=EQUAL)) for kind in (case_of, Case))
    for network_case in (case, cpu):
        for seed in range(3):
            other = make_problem("lstm", lengths=EQUAL, seed=seed)
            network_case.data = Case(other).data
            network_case.targets = Targets(*other.targets()) if seed else Targets(other.targets()[0])
            trained(network_case, 1)
    assert case.network._kept.graphs.captured >= 4  # to train and to gather, with and without weights
    assert relative_error(case.theta, cpu.theta) <= 1e-10


def test_arrays_that_move_are_not_those_that_graphs_know():
    case, cpu = (kind(make_problem("gru", lengths=EQUAL)) for kind in (case_of, Case))
    for network_case in (case, cpu):
        for lengths in (EQUAL, (7,) * 6, EQUAL):
            network_case.data = Case(make_problem("gru", lengths=lengths)).data
            trained(network_case, 2)
    assert case.network._kept.graphs.captured == 6
    assert relative_error(case.theta, cpu.theta) <= 1e-10


def test_graphs_know_no_number_of_sequences_in_the_data():
    """Check graphs of chunks of one shape on data with more sequences than the captured data."""
    kind = {"cell": "gru", "output": "step", "hidden": (3,), "D": 2, "K": 2}
    case, cpu = (make(make_problem(**kind, lengths=EQUAL)) for make in (case_of, Case))
    for network_case in (case, cpu):
        for chunks, lengths in ((5, (5,) * 6), (2, (4,) * 4), (2, (4,) * 6)):
            other = Case(make_problem(**kind, lengths=lengths))
            network_case.data, network_case.targets = other.data, other.targets
            trained(network_case, 2, chunks=chunks, pairs=PAIRS[: len(lengths) // 2])
    assert relative_error(case.theta, cpu.theta) <= 1e-10


def test_no_graphs_at_all(monkeypatch):
    monkeypatch.setattr(graphs, "MOST_GRAPHS", 0)
    case = case_of(make_problem(lengths=EQUAL))
    trained(case, 2)
    assert case.network._kept.graphs.captured == 0


def test_states_that_are_given_and_their_gradients():
    layout = Layout(n_inputs=2, hidden_layer_sizes=(3, 2), cell="lstm", n_outputs=0)
    data = Case(make_problem("lstm", lengths=RECURRING, D=2)).data
    random = np.random.default_rng(0)
    theta, batch = random.normal(size=layout.size), None
    networks = [kind(layout, head="identity", output="state", dtype=np.float64) for kind in (CPUNetwork, CudaNetwork)]
    for _ in range(3):
        given = random.normal(size=(len(data), networks[0].state_size))
        targets, results = Targets(random.normal(size=given.shape)), []
        for network in networks:
            batch = full_batch(data.lengths, network.tile_rows)
            gradient, dgiven = np.empty_like(theta), np.empty_like(given)
            loss, _ = network.gradient(theta, data, targets, batch, gradient, given, dgiven)
            results.append((gradient, dgiven, loss))
        for got, expected in zip(*results, strict=True):
            assert relative_error(got, expected) <= 1e-10
    assert networks[1]._kept.graphs.replayed >= 2  # graphs that train; targets may lie elsewhere in each call


def test_a_graph_stops_where_theta_is_no_longer_finite():
    problem = make_problem(head="identity", activation="relu", lengths=EQUAL)
    case = Case(problem, np.float32)
    case.network = CudaNetwork(case.layout, activation="relu", head="identity", dtype=np.float32)
    with np.errstate(all="ignore"):
        run = case.train(SGD(momentum=0.0), [1e-3, 1e-3, 1e-3, 1e30, 1e30, 1e30, 1e30])
    assert case.network._kept.graphs.replayed == 12
    assert run.outcome == "diverged" and 4 <= run.done < 7
    assert np.isfinite(case.theta).all()
    case.theta[:] = 0.1  # the previous call's status must not be used
    assert case.train(SGD(momentum=0.0), [1e-3]).outcome == "done"


def test_networks_are_pickled_without_what_lies_on_a_card():
    case = case_of(make_problem(lengths=EQUAL))
    trained(case, 1)
    case.network = pickle.loads(pickle.dumps(case.network))
    assert case.network._kept.graphs.captured == 0
    trained(case, 1)


def test_few_graphs_are_kept_and_those_out_of_use_give_way(monkeypatch):
    monkeypatch.setattr(graphs, "MOST_GRAPHS", 2)
    monkeypatch.setattr(graphs, "IDLE", 5)
    kept, done = Graphs(), []
    for name in "aabbcc":
        kept.run(("kind", name), lambda name=name: done.append(name))
    assert kept.captured == 2 and done == list("aabbcc")
    for name in "bbbc":
        kept.run(("kind", name), lambda name=name: done.append(name))
    assert kept.captured == 3 and kept.replayed == 6  # a gave way to c
    kept.clear()
    kept.run(("kind", "b"), lambda: done.append("new"))
    assert kept.captured == 3 and done[-1] == "new"


def test_what_was_cut_off_is_not_captured_before_it_has_run_once():
    kept, done = Graphs(), []
    with pytest.raises(ZeroDivisionError):
        kept.run("key", lambda: 1 // 0)
    for captured in range(2):
        kept.run("key", lambda: done.append(1))
        assert kept.captured == captured


def test_a_capture_that_fails_is_ended():
    class Stream:
        def __init__(self):
            self.calls = []

        def begin_capture(self):
            self.calls.append("begin")

        def end_capture(self):
            self.calls.append("end")
            raise RuntimeError("cudaErrorStreamCaptureInvalidated")

    kept = Graphs()
    kept._stream = Stream()
    with pytest.raises(ZeroDivisionError):
        kept._capture(lambda: 1 // 0)
    assert kept._stream.calls == ["begin", "end"]


def test_arrays_move_only_to_grow():
    room = Room()
    assert room.reserve("x", 6, np.dtype(float)) and not room.reserve("x", 4, np.dtype(float))
    place = room.view("x", 2, 3)
    assert np.shares_memory(place, room.view("x", 4)) and room.view("x", -1, 2).shape == (3, 2)
    assert room.reserve("x", 7, np.dtype(float)) and room.view("x", -1, 2).shape == (3, 2)
    assert not np.shares_memory(place, room.view("x", 1))


def test_mini_batches_lie_in_a_table_as_they_lie_alone():
    random = np.random.default_rng(0)
    lengths = random.integers(1, 6, 9)
    first, columns = (
        np.array([0, 4, 5, 9]),
        [np.arange(9), random.integers(0, 2, 9), lengths, *np.arange(27).reshape(3, 9)],
    )
    heads = np.arange(6).reshape(3, 2)
    table = tabulate(first, heads, *columns)
    for n in range(3):
        part = slice(first[n], first[n + 1])
        words = table.words[table.places[n] : table.places[n + 1]]
        alone = lay_out(*(column[part] for column in columns))
        np.testing.assert_array_equal(words[:2], heads[n])
        joined = alone.lengths, alone.targets, alone.keys, alone.starts, alone.numbers, alone.begins, alone.offsets
        np.testing.assert_array_equal(words[2:], np.concatenate(joined))
        assert (table.counts[n], table.sizes[n]) == (alone.count, lengths[part].sum() if n != 1 else lengths[4])
        np.testing.assert_array_equal(table.ids[part], alone.ids)
        expected = [np.minimum(lengths[part], t).sum() for t in range(lengths[part].max() + 1)]
        np.testing.assert_array_equal(alone.offsets, expected)


@pytest.mark.parametrize(
    "sizes", [(1, 1, 1), (2, 3, 4), (1, 5, 3), (4, 1, 3), (3, 4, 1), (1, 1, 4), (5, 1, 1)], ids=str
)
def test_products_as_cublas_is_asked_for_them(sizes):
    """Check the arguments of cublasSgemm against a product by hand: column-major arrays with leading dimensions."""
    m, k, n = sizes
    random, out = np.random.default_rng(0), np.zeros((m, n))

    def column_major(array, rows, columns, leading):
        return np.lib.stride_tricks.as_strided(array, (rows, columns), (array.itemsize, leading * array.itemsize))

    wide_a, wide_b = random.normal(size=(m, k + 2)), random.normal(size=(k, n + 2))
    for a in (wide_a[:, :k].copy(), wide_a[:, :k], wide_a[:, :k].T.copy().T, random.normal(size=(k, m + 1))[:, :m].T):
        for b in (wide_b[:, :n].copy(), wide_b[:, :n], wide_b[:, :n].T.copy().T):
            turned_b, turned_a, *found, leading_b, leading_a, leading = arguments(a, b, out)
            assert found == [n, m, k] and leading >= n
            assert leading_b >= (k if turned_b else n) and leading_a >= (m if turned_a else k)
            b_ = column_major(b, k, n, leading_b).T if turned_b else column_major(b, n, k, leading_b)
            a_ = column_major(a, m, k, leading_a).T if turned_a else column_major(a, k, m, leading_a)
            np.testing.assert_allclose((b_ @ a_).T, a @ b, rtol=1e-12)
