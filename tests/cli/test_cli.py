"""Test the command line: its output, its errors and how few modules it imports at the start."""

import csv
import inspect
import json
import os
import subprocess
import sys

import numpy as np
import pytest

import numrnn
from numrnn.cli import main, options
from numrnn.cli.presets import SETTINGS
from numrnn.datasets import load_japanese_vowels, make_noisy_sines

RESULTS = ("model.safetensors", "history.csv", "report.json", "learning_curve.png")
SHORT = ("--hidden-layer-sizes", "5", "--max-iter", "2")


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """Return the path of an .npz file with two classes that differ in their mean, and with a test part."""
    generator = np.random.default_rng(0)
    parts = {}
    for suffix, n in (("", 24), ("_test", 10)):
        lengths, y = generator.integers(2, 6, n), np.arange(n) % 2
        noise = generator.standard_normal((lengths.sum(), 3))
        parts |= {"values" + suffix: noise + 3 * np.repeat(y, lengths)[:, None], "lengths" + suffix: lengths}
        parts["y" + suffix] = np.array(["high", "low"])[y]
    path = tmp_path_factory.mktemp("data") / "labelled.npz"
    np.savez(path, **parts)
    return path


@pytest.fixture(scope="module")
def sines(tmp_path_factory):
    """Return the path of an .npz file of noisy sines with one float target per step."""
    X, y = make_noisy_sines(12, (4, 8), random_state=0)
    path = tmp_path_factory.mktemp("data") / "sines.npz"
    np.savez(path, values=np.concatenate(X), lengths=[len(x) for x in X], y=np.concatenate(y))
    return path


@pytest.fixture(scope="module")
def trained(labelled, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    assert main(["fit", str(labelled), "--output", str(folder), "--cell", "gru", *SHORT]) == 0
    return folder


def read_strictly(text):
    """Parse JSON and fail on NaN and infinity, which the standard does not have."""
    return json.loads(text, parse_constant=pytest.fail)


def test_help_imports_nothing_heavy():
    code = (
        "import sys\n"
        "from numrnn.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit as end:\n    assert not end.code\n"
        "heavy = {'numpy', 'numba', 'sklearn', 'scipy', 'safetensors', 'matplotlib', 'tqdm', 'tomllib', 'json'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    for words in (["--help"], ["fit", "--help"], ["predict", "--help"], ["--version"]):
        shown = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
        assert shown.returncode == 0, shown.stderr
        assert ("--learning-rate-init" in shown.stdout) == (words == ["fit", "--help"])


@pytest.mark.parametrize("estimator", [numrnn.RNNClassifier, numrnn.RNNRegressor])
def test_options_have_the_defaults_of_the_estimators(estimator):
    defaults = {name: parameter.default for name, parameter in inspect.signature(estimator).parameters.items()}
    found = {option.name: option.default for option in options.PARAMETERS if option.name in defaults}
    assert found == {name: defaults[name] for name in found}
    others = {"class_weight", "scale_targets", "restart_rate"}
    assert {option.name for option in options.PARAMETERS} - set(found) <= others


def test_fit_writes_model_history_report_and_picture(labelled, trained, capsys):
    assert sorted(path.name for path in trained.iterdir()) == sorted(RESULTS)
    with open(trained / "history.csv", newline="", encoding="utf-8") as file:
        history = list(csv.DictReader(file))
    assert [row["epoch"] for row in history] == ["1", "2"]
    assert set(history[0]) == {"epoch", "loss", "validation_loss", "validation_score", "learning_rate", "seconds"}
    report = json.loads((trained / "report.json").read_text(encoding="utf-8"))
    assert report["seed"] == report["model"]["parameters"]["random_state"] == 0
    assert report["versions"]["numba"] and report["seconds"]["fit"] > 0
    assert report["model"]["class"] == "RNNClassifier" and report["model"]["parameters"]["cell"] == "gru"
    scores = report["scores"]["test"]
    assert scores["n"] == 10 and scores["labels"] == ["high", "low"] and np.sum(scores["confusion"]) == 10
    assert scores["per_class"]["low"]["support"] == 5
    assert float(history[-1]["validation_score"]) == pytest.approx(scores["accuracy"])
    assert (trained / "learning_curve.png").read_bytes().startswith(b"\x89PNG")
    capsys.readouterr()
    assert main(["score", str(trained), str(labelled), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == scores


def test_fit_says_what_it_did(labelled, tmp_path, capsys):
    assert main(["fit", str(labelled), "--output", str(tmp_path), *SHORT]) == 0
    out = capsys.readouterr().out
    for text in ("24 sequences of 2 to 5 steps, 3 inputs a step", "test accuracy: ", "true \\ predicted", *RESULTS):
        assert text in out


def test_bundled_data_have_settings(tmp_path, capsys):
    parameters = {}
    for cell in (None, *SETTINGS["japanese_vowels"]):
        words = [] if cell is None else ["--cell", cell]
        assert main(["fit", "japanese_vowels", "--output", str(tmp_path), "--max-iter", "1", *words]) == 0
        report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
        parameters[cell] = report["model"]["parameters"]
        assert parameters[cell].items() >= {"max_iter": 1, "hidden_layer_sizes": [64], "batch_size": 32}.items()
    assert parameters[None]["cell"] == next(iter(SETTINGS["japanese_vowels"]))
    assert {parameters[cell]["cell"] for cell in SETTINGS["japanese_vowels"]} == {"elman", "gru", "lstm"}
    assert "370 sequences" in capsys.readouterr().out


def test_inputs_of_any_size_are_folded_into_the_weights(labelled, tmp_path):
    """Check that --scale is folded into the weights, so that the saved model predicts the same from raw inputs."""
    arrays = dict(np.load(labelled))
    scores = {}
    for factor in (1.0, 1000.0):
        changed = {name: factor * (x + 5) if name.startswith("values") else x for name, x in arrays.items()}
        np.savez(tmp_path / "data.npz", **changed)
        words = ["fit", str(tmp_path / "data.npz"), "--output", str(tmp_path), "--scale", "--dtype", "float64"]
        assert main([*words, *SHORT]) == 0
        report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
        scores[factor] = report["scores"], report["model"]["loss"]
        model = numrnn.load(tmp_path / "model.safetensors")
        lengths = changed["lengths_test"]
        predicted = model.predict(numrnn.Sequences.from_concatenated(changed["values_test"], lengths))
        assert np.mean(predicted == changed["y_test"]) == report["scores"]["test"]["accuracy"]
    assert scores[1.0][0] == scores[1000.0][0]
    assert scores[1.0][1] == pytest.approx(scores[1000.0][1], rel=1e-9)


def test_config_file_gives_options_and_the_command_line_wins(labelled, tmp_path):
    config = tmp_path / "job.toml"
    config.write_text(
        f'data = "{labelled}"\noutput = "{tmp_path / "out"}"\ncell = "lstm"\nhidden_layer_sizes = [4, 3]\n'
        'max_iter = 3\nclass_weight = { high = 2.0, low = 1 }\nshuffle = false\nclip_norm = "none"\nrandom_state = 7\n',
        encoding="utf-8",
    )
    assert main(["fit", "--config", str(config), "--max-iter", "1"]) == 0
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    expected = {
        "cell": "lstm",
        "hidden_layer_sizes": [4, 3],
        "max_iter": 1,
        "class_weight": {"high": 2.0, "low": 1.0},
        "shuffle": False,
        "clip_norm": None,
        "random_state": 7,
    }
    assert report["model"]["parameters"].items() >= expected.items()


def test_per_step_regression(sines, tmp_path, capsys):
    assert main(["fit", str(sines), "--output", str(tmp_path), *SHORT]) == 0
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["model"]["class"] == "RNNRegressor" and report["model"]["parameters"]["output"] == "step"
    assert report["scores"]["train"]["counted"] == "steps"
    assert "train R2: " in capsys.readouterr().out
    assert main(["predict", str(tmp_path), str(sines), "--output", str(tmp_path / "p.npz")]) == 0
    steps = np.load(sines)["lengths"].sum()
    with np.load(tmp_path / "p.npz") as predicted:
        assert predicted["prediction"].shape == (steps,) and predicted["lengths"].sum() == steps
    assert main(["predict", str(tmp_path), str(sines)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "sequence,step,prediction" and len(lines) == steps + 1 and lines[2].startswith("0,1,")


@pytest.mark.parametrize(
    ("y", "detail", "n_figures"),
    [(np.arange(12).reshape(6, 2) % 3 % 2, "per_class", 4), (np.arange(12.0).reshape(6, 2), "per_target", 2)],
)
def test_several_targets_at_a_time(y, detail, n_figures, tmp_path, capsys):
    np.savez(tmp_path / "data.npz", values=np.arange(12.0), lengths=np.full(6, 2), y=y)
    assert main(["fit", str(tmp_path / "data.npz"), "--output", str(tmp_path), *SHORT]) == 0
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert {len(figures) for figures in report["scores"]["train"][detail].values()} == {n_figures}
    capsys.readouterr()
    assert main(["predict", str(tmp_path), str(tmp_path / "data.npz")]) == 0
    assert capsys.readouterr().out.startswith("sequence,prediction_0,prediction_1\n0,")


def test_without_matplotlib_there_is_no_picture(labelled, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert main(["fit", str(labelled), "--output", str(tmp_path), *SHORT]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(RESULTS[:3])


def test_targets_are_needed_to_train_and_to_score_only(labelled, trained, tmp_path, capsys):
    arrays = np.load(labelled)
    np.savez(tmp_path / "plain.npz", values=arrays["values"], lengths=arrays["lengths"])
    assert main(["predict", str(trained), str(tmp_path / "plain.npz")]) == 0
    assert main(["info", str(tmp_path / "plain.npz")]) == 0
    assert "no targets" in capsys.readouterr().out
    for words in (["fit", "{}", "--output", str(tmp_path)], ["score", str(trained), "{}"]):
        assert main([word.format(tmp_path / "plain.npz") for word in words]) == 2
        assert "there are no targets (y)" in capsys.readouterr().err


def test_predict_writes_what_the_model_says(labelled, trained, tmp_path, capsys):
    model = numrnn.load(trained / "model.safetensors")
    arrays = np.load(labelled)
    for suffix, words in (("_test", []), ("", ["--subset", "train"])):
        X = numrnn.Sequences.from_concatenated(arrays["values" + suffix], arrays["lengths" + suffix])
        path = tmp_path / "predicted.csv"
        assert main(["predict", str(trained), str(labelled), "--proba", "--output", str(path), *words]) == 0
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert [row["prediction"] for row in rows] == model.predict(X).tolist()
        written = np.array([[float(row["proba_high"]), float(row["proba_low"])] for row in rows])
        np.testing.assert_allclose(written, model.predict_proba(X), rtol=1e-6)
    assert capsys.readouterr().out == ""


def test_info_tells_about_models_data_and_the_installation(labelled, trained, capsys):
    for words, texts in (
        ([str(trained)], ("RNNClassifier", "layers.0.b_Wn", "layers.0.U", "['high' 'low']")),
        ([str(labelled)], ("train: 24 sequences", "test: 10 sequences", "one target per sequence")),
        (["japanese_vowels"], ("270 sequences of 7 to 26 steps, 12 inputs a step",)),
        ([], ("numba", "numrnn")),
    ):
        assert main(["info", *words]) == 0
        out = capsys.readouterr().out
        assert all(text in out for text in texts), out


def test_ctrl_c_ends_a_warmup(monkeypatch, capsys):
    """Check that Ctrl-C ends a warmup.

    An interrupted fit returns normally, so that Ctrl-C during compilation was once lost and training began.
    """

    def interrupted(model, X, y, **watched):
        model.initialize(X, y)
        model._state.stop_reason = "interrupted"

    monkeypatch.setattr(numrnn.RNNRegressor, "fit", interrupted)
    assert main(["warmup", "--cells", "elman"]) == 1
    assert capsys.readouterr().err == "numrnn: error: interrupted\n"


def test_warmup_compiles(capsys):
    assert main(["warmup", "--cells", "gru", "--symbols"]) == 0
    assert capsys.readouterr().out.startswith("kernels ready after ")


BAD_FILES = {
    "broken.toml": "cell = \n",
    "typo.toml": "hidden_sizes = 3\n",
    "help.toml": "help = true\n",
    "config.toml": 'config = "x.toml"\n',
    "dash.toml": 'data = "-x"\ncell = "gru"\n',
    "latin1.toml": 'cell = "é"\n',
    "lists.toml": "cell = " + "[" * 50_000 + "]" * 50_000,
    "tables.toml": "cell = " + "{a = " * 50_000 + "1" + "}" * 50_000,
    "keys.toml": "a" + ".a" * 50_000 + " = 1",
    "digits.toml": "max_iter = 0x" + "f" * 50_000,
}
BAD_USAGE = [
    ([], "the following arguments are required: COMMAND"),
    (["train"], "invalid choice: 'train'"),
    (["fit"], "DATA is missing"),
    (["fit", "japanese_vowels"], "output is missing"),
    (["fit", "japanese_vowel", "--output", "{tmp}/x"], "japanese_vowel: there is no such file or directory; pass"),
    (["fit", "none.npz", "--output", "{tmp}/x"], "none.npz: no such file"),
    (["fit", "{data}", "--output", "{data}"], "cannot create the directory"),
    (["fit", "{data}", "--output", "{tmp}/x", "--cell", "rnn"], "argument --cell: invalid choice: 'rnn'"),
    (["fit", "{data}", "--output", "{tmp}/x", "--max-iter", "many"], "argument --max-iter: invalid int value: 'many'"),
    (["fit", "{data}", "--output", "{tmp}/x", "--max-iter", "0"], "max_iter"),
    (["fit", "{data}", "--output", "{tmp}/x", "--hidden", "3"], "unrecognized arguments: --hidden"),
    (
        ["fit", "{data}", "--output", "{tmp}/x", "--class-weight", "middle=2"],
        "--class-weight: there is no class 'middle'",
    ),
    (["fit", "{sines}", "--output", "{tmp}/x", "--class-weight", "balanced"], "--class-weight does not apply to"),
    (["fit", "{data}", "--output", "{tmp}/x", "--task", "regression"], "y"),
    (["fit", "--config", "{tmp}/none.toml"], "none.toml: No such file"),
    (["fit", "--config", "{tmp}/broken.toml"], "broken.toml: not a valid TOML file"),
    (["fit", "--config", "{tmp}/typo.toml"], "typo.toml: unrecognized arguments: --hidden-sizes=3"),
    (["fit", "--config", "{tmp}/help.toml"], "help.toml: --help cannot be set in a file"),
    (["fit", "--config", "{tmp}/config.toml"], "config.toml: --config cannot be set in a file"),
    (["fit", "--config", "{tmp}/latin1.toml"], "latin1.toml: not a valid TOML file"),
    (["fit", "--config", "{tmp}/lists.toml"], "lists.toml: not a valid TOML file: maximum recursion depth"),
    (["fit", "--config", "{tmp}/tables.toml"], "tables.toml: not a valid TOML file: maximum recursion depth"),
    (["fit", "--config", "{tmp}/keys.toml"], "keys.toml: not a valid TOML file: a line has more than 1000 dots"),
    (["fit", "--config", "{tmp}/digits.toml"], "digits.toml: "),
    (["fit", "--config", "{tmp}/dash.toml", "--output", "{tmp}/x"], "-x: there is no such file or directory; pass"),
    (["fit", "{tmp}/unseen.npz", "--output", "{tmp}/x"], "y_test contains previously unseen labels: ['middle']"),
    (
        ["fit", "{tmp}/nan.npz", "--output", "{tmp}/x", "--early-stopping"],
        "nan.npz: sequence 0 of values_test contains NaN in step 0",
    ),
    (["fit", "{data}", "--output", "{tmp}/x", "--quiet", "--progress"], "--quiet and --progress cannot be combined"),
    (["warmup", "--cells", "rnn"], "rnn"),
    (["predict", "{tmp}/none", "{data}"], "none: no such model"),
    (["predict", "{model}", "{data}", "--output", "p.txt"], "--output=p.txt: must end in .csv or .npz"),
    (["predict", "{model}", "{data}", "--output", "{tmp}/none/p.csv"], "none/p.csv: No such file or directory"),
    (["predict", "{model}", "{data}", "--output", "{tmp}/none/p.npz"], "none/p.npz: No such file or directory"),
    (["predict", "{model}", "{data}", "--output", "{tmp}/fifo.csv"], "fifo.csv: is a FIFO, expected a regular file"),
    (["predict", "{data}", "{data}"], "labelled.npz"),
    (["score", "{model}", "japanese_vowels"], "japanese_vowels: X_test has 12 features, but"),
    (
        ["shard", "{tmp}/nan.npz", "{sines}", "--output", "{tmp}/x"],
        "sines.npz: values has 1 column of float32, targets per step",
    ),
    (
        ["fit", "{tmp}/nans.npz", "--output", "{tmp}/x"],
        "nans.npz: sequence 1 of values contains NaN in step 0, column 1",
    ),
    (["predict", "{model}", "{tmp}/nan.npz"], "nan.npz: sequence 0 of values_test contains NaN in step 0"),
    (["score", "{model}", "{sines}", "--subset", "test"], "no test set"),
]


@pytest.mark.parametrize(("words", "message"), BAD_USAGE)
def test_bad_usage_is_one_line_and_exit_code_2(words, message, labelled, sines, trained, tmp_path, capsys):
    for name, text in BAD_FILES.items():
        (tmp_path / name).write_text(text, encoding="latin-1")
    os.mkfifo(tmp_path / "fifo.csv")
    arrays = dict(np.load(labelled))
    np.savez(tmp_path / "unseen.npz", **arrays | {"y_test": np.array(["middle"] * 10)})
    np.savez(tmp_path / "nan.npz", **arrays | {"values_test": np.full_like(arrays["values_test"], np.nan)})
    values = arrays["values"].copy()
    values[arrays["lengths"][0], 1] = np.nan
    np.savez(tmp_path / "nans.npz", **arrays | {"values": values})
    names = {"data": labelled, "sines": sines, "model": trained, "tmp": tmp_path}
    assert main([word.format(**names) for word in words]) == 2
    error = capsys.readouterr().err
    assert error.startswith("numrnn: error: ") and error.count("\n") == 1, error
    assert message in error


def test_failure_is_one_line_and_exit_code_1(labelled, tmp_path, capsys, monkeypatch):
    words = ["fit", str(labelled), "--output", str(tmp_path), "--cell", "elman", "--activation", "relu"]
    words += ["--solver", "sgd", "--learning-rate-init", "1e30", "--clip-norm", "none", "--quiet", *SHORT]
    assert main(words) == 1
    error = capsys.readouterr().err
    assert "TrainingDivergedError" in error and error.count("\n") == 1, error
    monkeypatch.setenv("NUMRNN_TRACEBACK", "1")
    with pytest.raises(RuntimeError):
        main(words)


@pytest.mark.parametrize(
    ("error", "message"), [(KeyboardInterrupt, "interrupted"), (OSError("disk full"), "disk full")]
)
def test_what_happens_while_saving_is_told(error, message, labelled, tmp_path, capsys, monkeypatch):
    def save(self, path):
        raise error

    monkeypatch.setattr(numrnn.RNNClassifier, "save", save)
    assert main(["fit", str(labelled), "--output", str(tmp_path), *SHORT]) == 1
    assert message in capsys.readouterr().err


def break_epoch(number, error, monkeypatch):
    def rate(self, state):
        if state.epoch == number:
            raise error
        return self.initial

    monkeypatch.setattr("numrnn.training.schedules.Constant.rate", rate)
    monkeypatch.setattr(numrnn, "warmup", lambda **options: None)


@pytest.mark.parametrize("error", [ValueError("shapes differ"), TypeError("no number")])
def test_what_breaks_in_training_is_not_the_inputs_fault(error, labelled, tmp_path, capsys, monkeypatch):
    break_epoch(1, error, monkeypatch)
    assert main(["fit", str(labelled), "--output", str(tmp_path), "--quiet", *SHORT]) == 1
    assert capsys.readouterr().err == f"numrnn: error: {type(error).__name__}: {error}\n"


@pytest.mark.parametrize("epochs", [0, 1])
def test_after_an_interrupt_all_is_saved_and_the_exit_code_is_1(epochs, labelled, tmp_path, capsys, monkeypatch):
    break_epoch(epochs, KeyboardInterrupt(), monkeypatch)
    assert main(["fit", str(labelled), "--output", str(tmp_path), *SHORT]) == 1
    assert "numrnn: error: interrupted; the model trained so far is saved" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(RESULTS)
    report = read_strictly((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["stop_reason"] == "interrupted" and report["model"]["n_iter"] == epochs
    assert (report["model"]["loss"] is None) == (epochs == 0)


def test_a_score_that_is_no_number_is_null(tmp_path, capsys):
    np.savez(tmp_path / "one.npz", values=np.arange(3.0), lengths=[3], y=[1.0])
    assert main(["fit", str(tmp_path / "one.npz"), "--output", str(tmp_path), *SHORT]) == 0
    capsys.readouterr()
    assert main(["score", str(tmp_path), str(tmp_path / "one.npz"), "--json"]) == 0
    scores = read_strictly(capsys.readouterr().out)
    assert scores["r2"] is None and scores["mean_squared_error"] > 0
    report = read_strictly((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["scores"]["train"] == scores


def test_labels_with_commas_and_quotes_are_quoted(labelled, tmp_path):
    arrays = dict(np.load(labelled))
    names = np.array(['high, "very"', "low\nline"])
    y = {name: names[(arrays[name] == "low").astype(int)] for name in ("y", "y_test")}
    np.savez(tmp_path / "data.npz", **arrays | y)
    assert main(["fit", str(tmp_path / "data.npz"), "--output", str(tmp_path), *SHORT]) == 0
    words = ["predict", str(tmp_path), str(tmp_path / "data.npz"), "--proba", "--output", str(tmp_path / "p.csv")]
    assert main(words) == 0
    with open(tmp_path / "p.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    model = numrnn.load(tmp_path / "model.safetensors")
    X = numrnn.Sequences.from_concatenated(arrays["values_test"], arrays["lengths_test"])
    assert [row["prediction"] for row in rows] == model.predict(X).tolist()
    assert set(rows[0]) == {"sequence", "prediction", *(f"proba_{name}" for name in names)}


@pytest.mark.serial
def test_a_reader_that_has_seen_enough_is_no_error(trained, labelled):
    code = "import sys; from numrnn.cli import main; sys.exit(main(sys.argv[1:]))"
    words = [sys.executable, "-c", code, "predict", str(trained), str(labelled)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 1


@pytest.mark.serial
def test_exit_codes_reach_the_shell(labelled, tmp_path):
    code = "import sys; from numrnn.cli import main; sys.exit(main(sys.argv[1:]))"
    run = subprocess.run(
        [sys.executable, "-c", code, "score", "nowhere", str(labelled)], capture_output=True, text=True, check=False
    )
    error = "numrnn: error: nowhere: no such model; pass a model file, or the output directory of numrnn fit\n"
    assert (run.returncode, run.stdout, run.stderr) == (2, "", error)


def test_a_model_saved_by_fit_is_that_of_the_python_call(tmp_path):
    vowels = load_japanese_vowels()
    words = ["fit", "japanese_vowels", "--output", str(tmp_path), "--no-scale", "--max-iter", "1"]
    assert main([*words, "--random-state", "3"]) == 0
    cell, settings = next(iter(SETTINGS["japanese_vowels"].items()))
    settings = {name: value for name, value in settings.items() if name != "scale"} | {"max_iter": 1}
    model = numrnn.RNNClassifier(cell=cell, random_state=3, **settings).fit(vowels.X_train, vowels.y_train)
    loaded = numrnn.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.predict_proba(vowels.X_test), model.predict_proba(vowels.X_test))


def test_control_characters_of_labels_do_not_reach_a_terminal(labelled, tmp_path, monkeypatch, capsys):
    with np.load(labelled) as parts:
        changed = dict(parts)
    for name in ("y", "y_test"):
        changed[name] = np.array([f"{label}\x1b[2J" for label in changed[name]])
    np.savez(tmp_path / "labels.npz", **changed)
    assert main(["fit", str(tmp_path / "labels.npz"), "--output", str(tmp_path / "run"), *SHORT]) == 0
    capsys.readouterr()
    for command in (["score"], ["predict"]):
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        assert main([*command, str(tmp_path / "run"), str(tmp_path / "labels.npz")]) == 0
        found = capsys.readouterr().out
        assert "\x1b" not in found and "\\x1b[2J" in found
    assert main(["predict", str(tmp_path / "run"), "no\x1b[2Jfile.npz"]) == 2
    assert "\x1b" not in capsys.readouterr().err


def read_history(folder):
    with open(folder / "history.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_scores_are_columns_of_the_history(labelled, tmp_path):
    words = ["fit", str(labelled), "--output", str(tmp_path), *SHORT, "--scoring", "accuracy, f1_macro"]
    assert main(words) == 0
    history = read_history(tmp_path)
    assert [*history[0]][-4:] == ["accuracy", "f1_macro", "learning_rate", "seconds"]
    assert [row["accuracy"] for row in history] == [row["validation_score"] for row in history]
    model = numrnn.load(tmp_path / "model.safetensors")
    assert model.scoring == ["accuracy", "f1_macro"]
    assert [float(row["f1_macro"]) for row in history] == model.history_["f1_macro"].tolist()


def test_scores_of_steps_in_a_file_of_options(tmp_path):
    X, _ = make_noisy_sines(12, (4, 8), random_state=0)
    y = np.concatenate([np.where(x[:, 0] > 0, "B", "O") for x in X])
    np.savez(tmp_path / "spans.npz", values=np.concatenate(X), lengths=[len(x) for x in X], y=y)
    job = 'scoring = ["span_f1", "neg_step_log_loss"]\nmonitor = "span_f1"\nvalidation = "last"\ngap = 2\n'
    (tmp_path / "job.toml").write_text(job + "restore_best_weights = true\n", encoding="utf-8")
    words = ["fit", str(tmp_path / "spans.npz"), "--output", str(tmp_path), *SHORT, "--learning-rate-init", "0.1"]
    assert main([*words, "--config", str(tmp_path / "job.toml")]) == 0
    history, model = read_history(tmp_path), numrnn.load(tmp_path / "model.safetensors")
    assert (model.monitor, model.validation, model.gap, model.restore_best_weights) == ("span_f1", "last", 2, True)
    losses = [float(row["validation_loss"]) for row in history]
    np.testing.assert_allclose([-float(row["neg_step_log_loss"]) for row in history], losses, rtol=1e-5)
    options = {"max_iter": 2, "learning_rate_init": 0.1, "random_state": 0, "validation": "last", "gap": 2}
    options |= {"scoring": ["span_f1"], "monitor": "span_f1", "restore_best_weights": True, "output": "step"}
    expected = numrnn.RNNClassifier((5,), **options).fit(X, np.split(y, np.cumsum([len(x) for x in X])[:-1]))
    assert (expected.V_ == model.V_).all() and expected.best_iter_ == model.best_iter_
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["watched"] == "validation"


def test_a_memory_limit_needs_no_batch_size(labelled, tmp_path, capsys):
    enough = ["--output", str(tmp_path), *SHORT, "--memory-limit"]
    assert main(["fit", str(labelled), *enough, "1GB"]) == 0
    assert main(["fit", str(labelled), *enough, "1kB"]) == 2
    assert "memory_limit is too low: a mini-batch of 8 sequences" in capsys.readouterr().err
    (tmp_path / "text.txt").write_text("never odd or even " * 200, encoding="utf-8")
    words = ["fit", str(tmp_path / "text.txt"), "--task", "language-model", *enough]
    assert main([*words, "1GB"]) == 0
    assert main([*words, "1kB"]) == 2


@pytest.mark.parametrize("words", [("--restore-best-weights",), ("--learning-rate", "adaptive")])
def test_nothing_is_chosen_by_the_test_set(labelled, tmp_path, words, capsys):
    command = ["fit", str(labelled), "--output", str(tmp_path), *SHORT, *words]
    assert main(command) == 0
    assert "validation_loss" not in read_history(tmp_path)[0]
    assert main([*command, "--validation", "last"]) == 0
    assert len(read_history(tmp_path)[0]["validation_loss"]) > 3
    capsys.readouterr()
    assert main([*command, "--scoring", "accuracy"]) == 2
    error = capsys.readouterr().err
    assert "--scoring=['accuracy']: needs validation data; pass --validation last or --early-stopping" in error


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--scoring", "f2"), "--scoring='f2': must be a name in sklearn.metrics.get_scorer_names() or numrnn.metrics"),
        (("--scoring", "f1,,f2"), "argument --scoring: expected names such as f1_macro,step_accuracy, got 'f1,,f2'"),
        (("--monitor", "f1"), "--monitor='f1': must be one of 'loss', 'score'; scoring has no such entry"),
        (("--gap", "2"), "--gap=2: must be 0 unless validation='last'"),
        (("--time-limit", "0"), "argument --time-limit: expected a number of seconds above 0, got '0'"),
        (("--time-limit", "1h"), "argument --time-limit: expected a number of seconds above 0, got '1h'"),
    ],
)
def test_options_of_validation_and_time_are_checked_first(labelled, tmp_path, words, message, capsys):
    assert main(["fit", str(labelled), "--output", str(tmp_path / "out"), *SHORT, *words]) == 2
    assert message in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_a_time_limit_ends_training_and_saves_the_model(labelled, tmp_path, capsys):
    command = ["fit", str(labelled), "--output", str(tmp_path / "out"), "--hidden-layer-sizes", "5"]
    assert main([*command, "--max-iter", "1000000", "--time-limit", "0.5"]) == 0
    assert ", ended by --time-limit" in capsys.readouterr().out
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    epochs = report["model"]["n_iter"]
    assert report["stop_reason"] == "time_limit" and report["scores"]["test"]["n"] == 10 and epochs < 1000000
    assert len(read_history(tmp_path / "out")) == epochs
    short = ["--max-iter", "20", "--checkpoint-dir", str(tmp_path / "checkpoints"), "--resume"]
    for limit in (["--time-limit", "1e-9"], []):  # no time at all, and then all of it
        assert main([*command, *short, *limit]) == 0
    resumed = numrnn.load(tmp_path / "out" / "model.safetensors")
    assert main([*command, "--max-iter", "20"]) == 0
    assert (numrnn.load(tmp_path / "out" / "model.safetensors").V_ == resumed.V_).all()
