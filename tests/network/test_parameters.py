"""Test the flat parameter vector: names and slices of the file format, and the initial weights."""

import numpy as np
import pytest
from problems import parameter_shapes

from numrnn import RNNClassifier
from numrnn.network.parameters import Layout, initial_theta

GATES = {"elman": 1, "gru": 3, "lstm": 4}


def layout_of(cell):
    return Layout(n_inputs=5, hidden_layer_sizes=(12, 9), cell=cell, n_outputs=4)


@pytest.mark.parametrize("cell", GATES)
def test_names_and_shapes_are_those_of_format_version_1(cell):
    layout = layout_of(cell)
    shapes = parameter_shapes(cell, 5, (12, 9), 4)
    assert layout.names == list(shapes)
    assert layout.shapes == shapes
    assert layout.size == sum(np.prod(shape) for shape in shapes.values())


@pytest.mark.parametrize("cell", GATES)
def test_views_tile_the_flat_vector_and_decay_touches_no_bias(cell):
    layout = layout_of(cell)
    theta, decayed = np.arange(layout.size), np.zeros(layout.size)
    for first, end in layout.decayed:
        decayed[first:end] += 1
    views = layout.views(theta)
    assert np.concatenate([view.ravel() for view in views.values()]).tolist() == theta.tolist()
    for name, view in layout.views(decayed).items():
        assert (view == (name.split(".")[-1] in "UWV")).all(), name
    views["V"][1, 2] = -1
    assert (theta == -1).sum() == 1


@pytest.mark.parametrize("long_memory", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("cell", GATES)
def test_first_weights(cell, dtype, long_memory):
    """Check the initial weights.

    U and V are Glorot uniform and W is orthogonal, gate by gate; biases are zero, but 1 for the LSTM's forget gate, and
    from 0 to 3 for it and the GRU's update gate if the memory is to be long.
    """
    layout = layout_of(cell)
    theta = initial_theta(layout, "tanh", 7, dtype, long_memory=long_memory)
    assert theta.dtype == dtype
    for name, view in layout.views(theta).items():
        gates = np.split(view, 1 if name in ("V", "c") or name.endswith("b_Wn") else GATES[cell])
        for number, gate in enumerate(gates):
            if name.endswith(".W"):
                np.testing.assert_allclose(gate @ gate.T, np.eye(len(gate)), atol=10 * np.finfo(dtype).eps)
            elif gate.ndim == 2:
                bound = np.sqrt(6 / sum(gate.shape))
                assert 0.8 * bound < np.abs(gate).max() <= bound, name
            else:
                keeps = number == 1 and name.endswith(".b")
                expected = np.full(len(gate), float(keeps and cell == "lstm"))
                if keeps and long_memory and cell != "elman":
                    expected = np.linspace(0, 3, len(gate))
                np.testing.assert_allclose(gate, expected, rtol=1e-6)


def test_a_relu_elman_layer_starts_from_the_identity():
    layout = layout_of("elman")
    views = layout.views(initial_theta(layout, "relu", 7, np.float64))
    np.testing.assert_array_equal(views["layers.0.W"], np.eye(12))
    np.testing.assert_array_equal(views["layers.1.W"], np.eye(9))


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_the_elman_activation_says_nothing_to_other_cells(cell):
    layout = layout_of(cell)
    np.testing.assert_array_equal(initial_theta(layout, "relu", 7, float), initial_theta(layout, "tanh", 7, float))


@pytest.mark.parametrize(
    ("options", "last_bias"),
    [({}, 3), ({"output": "step"}, 3), ({"pooling": "max"}, 0), ({"n_symbols": 5}, 0)],
)
def test_a_gru_remembers_long_if_it_reads_numbers_without_pooling(options, last_bias):
    X = [np.zeros((4, 2)), np.ones((3, 2))] if "n_symbols" not in options else [np.arange(4), np.arange(3)]
    y = [np.arange(len(x)) % 2 for x in X] if "output" in options else [0, 1]
    biases = RNNClassifier((4,), **options).initialize(X, y).weights_["layers.0.b"]
    np.testing.assert_array_equal(biases[4:8], np.linspace(0, last_bias, 4))
    assert not biases[:4].any() and not biases[8:].any()


def test_the_seed_alone_decides():
    layout = layout_of("gru")
    first, again, other = (initial_theta(layout, "tanh", seed, np.float64) for seed in (7, 7, 8))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
