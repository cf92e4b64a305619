"""Test that displays name the argument that is wrong, before they create a figure."""

import re

import numpy as np
import pytest

from numrnn import RNNRegressor
from numrnn.inspection import (
    AttributionDisplay,
    GateDisplay,
    GradientFlowDisplay,
    HiddenStateDisplay,
    SpectrumDisplay,
    TrainingHistoryDisplay,
    UnfoldedDisplay,
)
from numrnn.io.messages import InputError

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")  # it imports matplotlib.axes and matplotlib.figure
X = np.random.default_rng(0).normal(size=(12, 6, 2))
Y = X[:, -1, 0]
MODEL = RNNRegressor((4,), cell="lstm", random_state=0).initialize(X, Y)
RECORDED = {"epoch": [1], "loss": [0.5], "validation_loss": [np.nan]}
SPECTRA = "'eigenvalues', 'singular_values', 'lyapunov'"
DRAWN = {
    "attribution": lambda ax: AttributionDisplay.from_estimator(MODEL, X[0], ax=ax),
    "gates": lambda ax: GateDisplay.from_estimator(MODEL, X, ax=ax),
    "flow": lambda ax: GradientFlowDisplay.from_estimator(MODEL, X, Y, ax=ax),
    "states": lambda ax: HiddenStateDisplay.from_estimator(MODEL, X[0], ax=ax),
    "spectrum": lambda ax: SpectrumDisplay.from_estimator(MODEL, ax=ax),
    "history": lambda ax: TrainingHistoryDisplay({"a": RECORDED}).plot(ax=ax),
    "unfolded": lambda ax: UnfoldedDisplay.from_estimator(MODEL, ax=ax),
}
NO_AXES = {
    "str": lambda: "left",
    "int": lambda: 0,
    "figure": lambda: matplotlib.figure.Figure(),
    "array": lambda: matplotlib.figure.Figure().subplots(1, 2),
    "class": lambda: matplotlib.axes.Axes,
}
NAMED = {
    "names": (AttributionDisplay(X[0], input_names=["a"]), "input_names=['a']: must be a list of 2 names, got 1"),
    "more names": (
        AttributionDisplay(X[0], input_names=["a", "b", "c"]),
        "input_names=['a', 'b', 'c']: must be a list of 2 names, got 3",
    ),
    "str": (AttributionDisplay(X[0], input_names="ab"), "input_names='ab': must be a list of 2 names"),
    "number": (AttributionDisplay(X[0], input_names=2), "input_names=2: must be a list of 2 names"),
    "one input": (
        AttributionDisplay(X[0, :, :1], input_names=["a", "b"]),
        "input_names=['a', 'b']: must be a list of 1 name, got 2",
    ),
    "labels": (AttributionDisplay(np.ones(3), labels=["a"]), "labels=['a']: must be a list of 3 names, got 1"),
    "labels of states": (
        HiddenStateDisplay(X[0, :3], labels=["a"]),
        "labels=['a']: must be a list of 3 names, got 1",
    ),
    "labels of vectors": (
        AttributionDisplay(np.ones((3, 2)), labels=["a"] * 3),
        "attributions has shape (3, 2): must have shape (T,), one number for each label",
    ),
    "sequences": (AttributionDisplay(X), "attributions has shape (12, 6, 2): must have shape (T,) or (T, D)"),
    "number of values": (AttributionDisplay(1.0), "attributions has shape (): must have shape (T,) or (T, D)"),
    "gates": (GateDisplay({}), "saturation={}: must be a dict with at least one item"),
    "flows": (GradientFlowDisplay({}), "flows={}: must be a dict with at least one item"),
    "flow": (GradientFlowDisplay(1), "flows=1: must be a dict with at least one item"),
    "kind": (SpectrumDisplay({}, kind="z"), f"kind='z': must be one of {SPECTRA}"),
    "kinds": (SpectrumDisplay({}, kind=[]), f"kind=[]: must be one of {SPECTRA}"),
    "eigenvalues": (SpectrumDisplay({}), "values={}: must be a dict with at least one item"),
    "lyapunov": (
        SpectrumDisplay(np.ones((3, 2)), kind="lyapunov"),
        "values has shape (3, 2): must have shape (S,) for kind='lyapunov'",
    ),
    "singular values": (
        SpectrumDisplay(np.ones(3), kind="singular_values"),
        "values has shape (3,): must have shape (steps, S) for kind='singular_values'",
    ),
    "histories": (TrainingHistoryDisplay({}), "histories={}: must be a dict with at least one item"),
    "history": (TrainingHistoryDisplay({"a": 3}), "histories['a']=3: must be the `history_` of a fitted estimator"),
    "metric": (
        TrainingHistoryDisplay({"a": RECORDED}, metric="z"),
        "metric='z': must be one of 'loss' of the history of 'a'",
    ),
    "no layer": (UnfoldedDisplay(0), "n_layers must be an integer of at least 1, got 0"),
    "bool": (UnfoldedDisplay(True), "n_layers must be an integer of at least 1, got True"),
    "fraction": (UnfoldedDisplay(1.5), "n_layers must be an integer of at least 1, got 1.5"),
}


@pytest.fixture(autouse=True)
def no_figure_is_left():
    before = plt.get_fignums()
    yield
    assert plt.get_fignums() == before


def refused(message):
    return pytest.raises(InputError, match=f"^{re.escape(message)}")


@pytest.mark.parametrize("made", NO_AXES)
@pytest.mark.parametrize("display", DRAWN)
def test_other_objects_are_not_axes(display, made):
    ax = NO_AXES[made]()
    with refused(f"ax={ax!r}: must be a matplotlib Axes, or None") as caught:
        DRAWN[display](ax)
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize("name", NAMED)
def test_wrong_attributes_are_named(name):
    display, message = NAMED[name]
    with refused(message):
        display.plot()


@pytest.mark.parametrize("metric", [[], {}, None, "epoch", "validation_loss"], ids=str)
def test_metrics_are_those_that_were_recorded(metric):
    model = RNNRegressor((4,), random_state=0, max_iter=1).fit(X, Y)
    with refused(f"metric={metric!r}: must be one of 'loss', 'learning_rate', "):
        TrainingHistoryDisplay.from_estimator(model, metric=metric)


@pytest.mark.parametrize("estimator", [MODEL, {"RNNRegressor": MODEL}], ids=["one", "dict"])
def test_an_estimator_without_training_has_no_history(estimator):
    found = "metric='loss': the history of 'RNNRegressor' is empty, since the estimator has not been trained; call fit"
    with refused(found):
        TrainingHistoryDisplay.from_estimator(estimator)


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        ({}, "estimator={}: must be an estimator, or a dict with at least one estimator"),
        (1.5, "estimator=1.5: must be a"),
        ({"a": 1.5}, "estimator=1.5: must be a"),
    ],
    ids=str,
)
@pytest.mark.parametrize("data", [(), (X, Y)], ids=["history", "flow"])
def test_estimators_are_named(estimator, message, data):
    with refused(message):
        (GradientFlowDisplay if data else TrainingHistoryDisplay).from_estimator(estimator, *data)
