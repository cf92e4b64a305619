"""Test that displays draw the numbers of the functions that they are built on."""

import subprocess
import sys

import numpy as np
import pandas
import pytest

from numrnn import RNNClassifier, RNNLanguageModel, RNNRegressor, inspection
from numrnn.data import Vocabulary
from numrnn.inspection import (
    AttributionDisplay,
    GateDisplay,
    GradientFlowDisplay,
    HiddenStateDisplay,
    SpectrumDisplay,
    TrainingHistoryDisplay,
    UnfoldedDisplay,
)

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
X = np.random.default_rng(0).normal(size=(12, 6, 2))
Y = X[:, -1, 0]


@pytest.fixture(autouse=True)
def closed():
    yield
    matplotlib.pyplot.close("all")


@pytest.fixture
def ax():
    return matplotlib.figure.Figure().subplots()


def fitted(cell="lstm", **options):
    return RNNRegressor((4,), cell=cell, max_iter=3, random_state=0, **options).fit(X, Y)


def texts_of(ax):
    return [text.get_text() for text in ax.texts]


def test_histories_of_several_fits_share_axes():
    models = {cell: fitted(cell, early_stopping=True) for cell in ("gru", "lstm")}
    display = TrainingHistoryDisplay.from_estimator(models)
    assert [line.get_linestyle() for line in display.lines_] == ["-", "--", "-", "--"]
    np.testing.assert_array_equal(display.lines_[0].get_ydata(), models["gru"].history_["loss"])
    np.testing.assert_array_equal(display.lines_[3].get_ydata(), models["lstm"].history_["validation_loss"])
    third = TrainingHistoryDisplay.from_estimator(fitted("elman"), name="Elman", ax=display.ax_)
    assert third.figure_ is display.figure_
    assert third.ax_.get_legend_handles_labels()[1] == ["gru", "lstm", "validation", "Elman"]
    colours = [line.get_color() for line in (*display.lines_, *third.lines_)]
    assert len(set(colours)) == 3


def test_other_metrics_of_the_history_are_drawn(ax):
    model = fitted(early_stopping=True)
    display = TrainingHistoryDisplay.from_estimator(model, metric="validation_score", ax=ax)
    np.testing.assert_array_equal(display.lines_[0].get_ydata(), model.history_["validation_score"])
    assert display.ax_ is ax
    assert display.ax_.get_legend() is None
    with pytest.raises(ValueError, match="metric='validation_loss': must be one of 'loss', "):
        TrainingHistoryDisplay.from_estimator(fitted(), metric="validation_loss")
    with pytest.raises(TypeError, match="must be a fitted estimator of numrnn"):
        TrainingHistoryDisplay.from_estimator(RNNRegressor())


def test_the_history_of_a_language_model_is_drawn(ax):
    model = RNNLanguageModel((4,), max_iter=2, batch_size=2, bptt_steps=1, random_state=0).fit("abcabcabd" * 40)
    assert len(TrainingHistoryDisplay.from_estimator(model, ax=ax).lines_[0].get_ydata()) == 2


def test_gradient_flow_is_drawn_relative_to_its_largest_norm(ax):
    model = fitted()
    flow = inspection.gradient_flow(model, X, Y)
    display = GradientFlowDisplay.from_estimator({"LSTM": model, "GRU": fitted("gru")}, X, Y, ax=ax)
    np.testing.assert_allclose(display.lines_[0].get_ydata(), flow.norms / flow.norms.max())
    assert display.lines_[0].get_label() == f"LSTM (horizon {flow.horizon})"
    assert len(display.lines_) == 2


def test_states_are_drawn_with_steps_as_columns(ax):
    model = fitted()
    display = HiddenStateDisplay.from_estimator(model, X[0], ax=ax)
    np.testing.assert_array_equal(display.image_.get_array(), inspection.hidden_states(model, X[:1])[0].T)


def test_gates_are_points(ax):
    model = fitted()
    display = GateDisplay.from_estimator(model, X, ax=ax)
    points = [collection.get_offsets() for collection in ax.collections]
    saturation = inspection.gate_saturation(model, X)
    for each, found in zip(saturation.values(), points, strict=True):
        np.testing.assert_array_equal(found, np.stack([each.closed, each.open], axis=1))
    assert display.figure_ is ax.figure


def test_spectra_are_drawn(ax):
    model = fitted()
    SpectrumDisplay.from_estimator(model, ax=ax)
    values = inspection.recurrent_eigenvalues(model)["i"]
    np.testing.assert_allclose(ax.collections[0].get_offsets(), np.stack([values.real, values.imag], axis=1))
    display = SpectrumDisplay.from_estimator(model, X, kind="lyapunov")
    np.testing.assert_array_equal(display.ax_.get_lines()[1].get_ydata(), inspection.lyapunov_exponents(model, X))
    display = SpectrumDisplay.from_estimator(model, X, kind="singular_values")
    medians = np.median(inspection.jacobian_singular_values(model, X).reshape(-1, 8), axis=0)
    np.testing.assert_allclose(display.ax_.get_lines()[0].get_ydata(), medians)


def test_spectra_need_X_or_a_known_kind():
    with pytest.raises(ValueError, match="X=None: must be sequences for kind='lyapunov'"):
        SpectrumDisplay.from_estimator(fitted(), kind="lyapunov")
    with pytest.raises(ValueError, match="kind='svd': must be one of 'eigenvalues', 'singular_values', 'lyapunov'"):
        SpectrumDisplay.from_estimator(fitted(), kind="svd")


def test_attributions_are_an_image_or_bars():
    model = fitted()
    display = AttributionDisplay.from_estimator(model, X[0], method="occlusion", input_names=["a", "b"])
    values = inspection.attribute(model, X[:1], method="occlusion")[0]
    np.testing.assert_array_equal(display.ax_.collections[0].get_array(), values.T)
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == ["a", "b"]
    display = AttributionDisplay(values[:, 0]).plot()
    assert [bar.get_height() for bar in display.ax_.patches] == values[:, 0].tolist()
    assert AttributionDisplay(values[:, 0], quantity="surprisal").plot().ax_.get_ylabel() == "surprisal"


@pytest.mark.parametrize("unit", ["character", "token"])
def test_texts_are_coloured_and_broken_between_words(unit):
    text = "all that glitters is not gold, but this line is so long that it must be broken"
    vocabulary = Vocabulary("token") if unit == "token" else Vocabulary()
    X = [text.split(), text.split()] if unit == "token" else [text, text]
    model = RNNClassifier((3,), vocabulary=vocabulary, embedding_size=2, max_iter=1, random_state=0).fit(X, [0, 1])
    display = AttributionDisplay.from_estimator(model, X[0], target=1)
    drawn = texts_of(display.ax_)
    assert ("".join(drawn) if unit == "character" else " ".join(drawn)) == text
    assert len({text.get_position()[1] for text in display.ax_.texts}) == 2
    ends = max(patch.get_x() + patch.get_width() for patch in display.ax_.patches)
    assert ends <= 60


@pytest.mark.parametrize(
    ("vocabulary", "text", "labels"),
    [
        (Vocabulary("token"), "good, film", ["good", "film"]),
        (Vocabulary("token"), ["good", "plot"], ["good", "plot"]),
        (Vocabulary(last=6), "good film", ["d", " ", "f", "i", "l", "m"]),
        (Vocabulary(), "goOd", ["g", "o", "O", "d"]),
    ],
    ids=str,
)
def test_labels_are_the_steps_that_the_network_reads(vocabulary, text, labels):
    texts = [["good", "film"], ["bad", "plot"]] if isinstance(text, list) else ["good film", "bad plot"]
    model = RNNClassifier((3,), vocabulary=vocabulary, embedding_size=2, max_iter=1, random_state=0).fit(texts, [0, 1])
    assert texts_of(AttributionDisplay.from_estimator(model, text).ax_) == labels
    ticks = HiddenStateDisplay.from_estimator(model, text).ax_.get_xticklabels()
    assert [tick.get_text() for tick in ticks] == labels


def test_names_of_inputs_are_those_of_the_columns():
    frames = [pandas.DataFrame(x, columns=["p", "q"]) for x in X]
    model = RNNRegressor((3,), random_state=0).initialize(frames, Y)
    display = AttributionDisplay.from_estimator(model, frames[0])
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == ["p", "q"]


def test_the_colour_bar_of_a_text_shows_no_signs_that_it_does_not_have():
    surprisal = AttributionDisplay(np.array([0.5, 2.0]), labels=["a", "b"], quantity="surprisal").plot()
    assert surprisal.figure_.axes[-1].get_ylim() == (0, 2)
    influence = AttributionDisplay(np.array([-0.5, 2.0]), labels=["a", "b"]).plot()
    assert influence.figure_.axes[-1].get_ylim() == (-2, 2)


@pytest.mark.parametrize("cell", ["elman", "gru"])
def test_the_network_is_drawn_with_its_layers_and_letters(cell):
    model = RNNRegressor((4, 3), cell=cell, bidirectional=True, random_state=0).initialize(X, Y)
    display = UnfoldedDisplay.from_estimator(model)
    assert (display.n_layers, display.bidirectional, display.per_step) == (2, True, False)
    found = texts_of(display.ax_)
    for text in ("$x_{t-1}$", "$x_{t}$", "$s_{t}^{(2)}$", "$h_{t+1}$", "$U^{(1)}$", "$W^{(2)}$", "$W'^{(2)}$", "$V$"):
        assert text in found
    assert "$h_{t}$" not in found


def test_matplotlib_is_imported_when_something_is_drawn():
    code = (
        "import sys, numrnn.inspection as inspection\n"
        "[getattr(inspection, name) for name in inspection.__all__]\n"
        "assert 'matplotlib' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
