"""Test descriptions of networks as text and as HTML."""

import math
import re
import xml.etree.ElementTree as xml

import numpy as np
import pytest
from sklearn import config_context
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from numrnn import RNNClassifier, RNNLanguageModel, RNNRegressor, RNNSeq2Seq
from numrnn.estimators.summary import curve_of, parts_of

X = np.random.default_rng(0).normal(size=(40, 5, 2))
Y = X.sum(axis=(1, 2))
SOME = {
    "regressor": lambda: RNNRegressor((4, 3), bidirectional=True, early_stopping=True, max_iter=3).fit(X, Y),
    "classifier": lambda: RNNClassifier(4, n_symbols=5, embedding_size=3, max_iter=2).fit([[0, 1], [4]], [0, 1]),
    "pairs": lambda: RNNSeq2Seq(4, max_iter=1).fit(["ab", "abc"] * 9, ["ba", "cba"] * 9),
    "initialised": lambda: RNNRegressor(4, initial_state="learned").initialize(X, Y),
}


@pytest.mark.parametrize("name", SOME)
def test_the_numbers_of_parameters_add_up(name):
    model = SOME[name]()
    sizes = {key: values.size for key, values in model.weights_.items()}
    parts = parts_of({key: values.shape for key, values in model.weights_.items()})
    assert sum(part.size for part in parts) == sum(sizes.values())
    for part in parts:
        assert part.size == sum(map(math.prod, part.shapes.values()))
        assert f"{part.name} " in model.summary()
    assert re.search(rf"^total +{sum(sizes.values()):,}$", model.summary(), re.MULTILINE)


def test_the_summary_of_a_fit_names_its_last_losses():
    model = SOME["regressor"]()
    text = model.summary()
    assert text.startswith("RNNRegressor: gru, float32\n")
    assert "epochs: 3\n" in text
    assert f"validation loss: {model.history_['validation_loss'][-1]:.4g}\n" in text
    assert "loss" not in SOME["initialised"]().summary()


def test_a_summary_needs_a_network():
    with pytest.raises(NotFittedError):
        RNNRegressor().summary()


@pytest.mark.parametrize("name", SOME)
def test_html_shows_the_parts_and_the_learning_curve(name):
    model = SOME[name]()
    shown = model._repr_mimebundle_()["text/html"]
    assert shown == model._repr_html_() or "numrnn-network" in model._repr_html_()
    network = xml.fromstring(shown[shown.index('<div class="numrnn-network"') :])
    rows = [["".join(cell.itertext()) for cell in row] for row in network.iter("tr")]
    assert rows[-1][2] == f"{sum(values.size for values in model.weights_.values()):,}"
    assert len(rows) == 2 + len(parts_of({key: values.shape for key, values in model.weights_.items()}))
    assert (network.find(".//svg") is None) == (name == "initialised")


def test_html_of_an_estimator_without_a_network_is_that_of_scikit_learn():
    assert "numrnn-network" not in RNNRegressor()._repr_mimebundle_()["text/html"]
    with config_context(display="text"):
        assert "text/html" not in SOME["regressor"]()._repr_mimebundle_()


def test_a_pipeline_is_shown():
    assert "RNNRegressor" in make_pipeline(SOME["regressor"]())._repr_mimebundle_()["text/html"]


def test_curves_have_one_point_per_finite_value():
    history = {"loss": [1.0, np.nan, 0.1], "validation_loss": [np.nan] * 3, "seconds": [0.1] * 3}
    svg = xml.fromstring(curve_of(history))
    lines = svg.findall("polyline")
    assert [len(line.get("points").split()) for line in lines] == [2]
    assert curve_of({"loss": [np.nan]}) == ""


@pytest.mark.parametrize("losses", [[-1.0], [np.nan, 0.5]], ids=str)
def test_a_single_point_is_a_dot(losses):
    svg = xml.fromstring(curve_of({"loss": losses, "validation_loss": [2.0] * len(losses)}))
    assert len(svg.findall("polyline")) == len(losses) - 1
    dots = [circle.attrib for circle in svg.findall("circle")]
    assert [dot["fill"] for dot in dots] == ["#0072B2", "#D55E00"][: 3 - len(losses)]
    assert all(float(dot["r"]) > 0 and 8 < float(dot["cy"]) < 124 for dot in dots)


@pytest.mark.parametrize(
    ("losses", "labels"),
    [
        ([3.0, 1.0], ["3", "1"]),
        ([1.2041, 1.2039], ["1.2041", "1.2039"]),
        ([0.123457, 0.123456], ["0.123457", "0.123456"]),
        ([1.23456e-12, 1.23451e-12], ["1.23e-12"]),  # longer labels would not fit
        ([1.2, 1.2], ["1.2"]),
        ([1.2], ["1.2"]),
        ([-1.23e-05, -2.5e-05], ["-1.23e-05", "-2.5e-05"]),
    ],
    ids=str,
)
def test_labels_of_the_losses_tell_them_apart(losses, labels):
    svg = xml.fromstring(curve_of({"loss": losses}))
    assert [text.text for text in svg.findall("text") if text.get("text-anchor") == "end"][:-1] == labels


def test_the_summary_of_a_language_model_has_its_embedding():
    model = RNNLanguageModel(4, embedding_size=2, random_state=0).initialize("abcabd" * 30)
    assert "embedding  embedding (4, 2)" in model.summary()
