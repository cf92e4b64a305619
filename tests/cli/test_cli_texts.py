"""Test the command line with texts: tables of texts, language models, output and errors."""

import csv
import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import numrnn
from numrnn import RNNClassifier, RNNLanguageModel
from numrnn.cli import main
from numrnn.data import Vocabulary
from numrnn.data.readers.text import read_text_table

RESULTS = ["history.csv", "learning_curve.png", "model.safetensors", "report.json"]
SMALL = ("--hidden-layer-sizes", "4", "--max-iter", "2")
COLUMNS = ("--text", "text", "--target", "label")
RUN = [sys.executable, "-c", "import sys; from numrnn.cli import main; sys.exit(main(sys.argv[1:]))"]


def write_table(path, rows, names=("id", "text", "label")):
    with open(path, "w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([names, *rows])
    return path


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return a folder with tables of reviews, which have commas, quotes and line breaks, and with a text file."""
    folder = tmp_path_factory.mktemp("data")
    kinds = {"good": 'A "good" film,\nsaid Žofie', "bad": "A bad film"}
    rows = [(i, f"{text} {i}", label) for i, (label, text) in enumerate([*kinds.items()] * 12)]
    write_table(folder / "reviews.csv", rows)
    write_table(folder / "scores.csv", [(i, text, f"{len(text)}.5") for i, text, _ in rows])
    (folder / "book.txt").write_text("never odd or even. " * 40 + "Z", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def reader(files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reader")
    assert main(["fit", str(files / "reviews.csv"), *COLUMNS, "--output", str(folder), *SMALL]) == 0
    return folder


@pytest.fixture(scope="module")
def writer(files, tmp_path_factory):
    folder = tmp_path_factory.mktemp("writer")
    words = ["fit", str(files / "book.txt"), "--task", "language-model", "--output", str(folder), *SMALL]
    assert main([*words, "--batch-size", "5"]) == 0
    return folder


def test_a_table_of_texts_is_fitted_scored_and_predicted(files, reader, capsys):
    assert sorted(path.name for path in reader.iterdir()) == RESULTS
    report = json.loads((reader / "report.json").read_text(encoding="utf-8"))
    assert report["scores"]["test"]["n"] == 2 and report["scores"]["test"]["per_class"]["good"]["support"] == 1
    assert report["data"]["train"] == "22 texts of 12 to 28 characters"
    model = numrnn.load(reader / "model.safetensors")
    table = read_text_table(files / "reviews.csv", "text", "label")
    assert (model.cell, model.vocabulary.unit, model.vocabulary.last) == ("lstm", "token", 200)
    assert {"žofie", "good"} < set(model.vocabulary_.symbols_)
    assert main(["score", str(reader), str(files / "reviews.csv"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] == model.score(table.X, table.y)
    renamed = write_table(files / "renamed.csv", [(text,) for text in table.X], ("body",))
    assert main(["predict", str(reader / "model.safetensors"), str(renamed), "--text", "body", "--proba"]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [row["prediction"] for row in rows] == model.predict(table.X).tolist()


def test_a_model_of_a_table_is_that_of_the_python_call(files, tmp_path):
    words = ["fit", str(files / "reviews.csv"), *COLUMNS, "--output", str(tmp_path), *SMALL, "--test-fraction", "0"]
    words += ["--unit", "character", "--max-symbols", "none", "--no-lowercase", "--last", "5", "--cell", "gru"]
    assert main([*words, "--no-early-stopping", "--test", str(files / "reviews.csv")]) == 2
    assert main([*words, "--no-early-stopping"]) == 0
    table = read_text_table(files / "reviews.csv", "text", "label")
    params = {"embedding_size": 32, "batch_size": 64, "max_iter": 2, "random_state": 0}
    model = RNNClassifier((4,), cell="gru", vocabulary=Vocabulary(last=5), **params).fit(table.X, table.y)
    loaded = numrnn.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.predict_proba(table.X), model.predict_proba(table.X))


def test_floats_make_a_regression_and_a_file_to_test_on_is_taken(files, tmp_path, capsys):
    scores = str(files / "scores.csv")
    assert main(["fit", scores, *COLUMNS, "--test", scores, "--output", str(tmp_path), *SMALL]) == 0
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["model"]["class"] == "RNNRegressor" and report["scores"]["test"]["n"] == 24
    assert main(["score", str(tmp_path), scores]) == 0
    assert f"{scores} R2: " in capsys.readouterr().out


def test_steps_of_texts_are_predicted(files, tmp_path, capsys):
    texts = [["a", "b"], ["b"]]
    model = RNNClassifier((2,), output="step", vocabulary=Vocabulary("token"), max_iter=1).fit(texts, [[0, 1], [1]])
    model.save(tmp_path / "model.safetensors")
    table = write_table(tmp_path / "texts.csv", [("a b",), ("b",)], ("text",))
    assert main(["predict", str(tmp_path), str(table), "--text", "text"]) == 0
    assert [line[:4] for line in capsys.readouterr().out.splitlines()] == ["sequ", "0,0,", "0,1,", "1,0,"]


def test_a_language_model_is_fitted_scored_and_writes(files, writer, capsys):
    assert sorted(path.name for path in writer.iterdir()) == RESULTS
    report = json.loads((writer / "report.json").read_text(encoding="utf-8"))
    text = (files / "book.txt").read_text(encoding="utf-8")
    model = numrnn.load(writer / "model.safetensors")
    assert not model.warm_start and model.bptt_steps == "auto" and "Z" in model.vocabulary_.symbols_
    entropy = model.cross_entropy(text[-76:])
    expected = {"n": 76, "cross_entropy": entropy, "bits_per_symbol": entropy / np.log(2)}
    expected["accuracy"] = model.accuracy(text[-76:])
    assert {name: report["scores"]["test"][name] for name in expected} == pytest.approx(expected)
    with open(writer / "history.csv", newline="", encoding="utf-8") as file:
        history = list(csv.DictReader(file))
    assert [*history[0]] == ["epoch", "loss", "validation_loss", "validation_bits", "learning_rate", "seconds"]
    assert float(history[-1]["validation_loss"]) == pytest.approx(entropy)
    same = RNNLanguageModel((4,), batch_size=5, max_iter=2, random_state=0, warm_start=True).initialize(text)
    assert same.fit(text[:-76]).cross_entropy(text) == model.cross_entropy(text)
    assert main(["score", str(writer), str(files / "book.txt")]) == 0
    assert f"{model.cross_entropy(text):.4f} nats, " in capsys.readouterr().out
    options = {"temperature": 0.5, "top_k": 3, "top_p": 0.9, "random_state": 1}
    words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    assert main(["generate", str(writer), "--prompt", "never", "--length", "30", *words]) == 0
    assert capsys.readouterr().out == model.generate("never", 30, **options) + "\n"


def test_lines_of_a_file_begin_and_end(tmp_path, capsys):
    names = ["anna", "otto", "ida", "jo", "x"] * 40
    for name, newline in (("names.txt", "\n"), ("dos.txt", "\r\n")):
        (tmp_path / name).write_bytes((newline + newline.join(names) + 2 * newline).encode())
    out = tmp_path / "out"
    words = ["fit", str(tmp_path / "names.txt"), "--task", "language-model", "--boundaries", "--output", str(out)]
    assert main([*words, "--hidden-layer-sizes", "16", "--max-iter", "10", "--learning-rate-init", "0.02"]) == 0
    printed = capsys.readouterr().out
    assert "train: 180 texts of 1 to 4 characters" in printed and "test: 20 texts" in printed
    assert "characters and ends" in printed
    model = numrnn.load(out / "model.safetensors")
    assert model.end_symbol_ == len(model.vocabulary_)
    assert main(["score", str(out), str(tmp_path / "dos.txt"), "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["cross_entropy"] == model.cross_entropy(names) and scores["n"] == sum(map(len, names)) + 200
    assert main(["generate", str(out), "--random-state", "1"]) == 0
    assert capsys.readouterr().out == model.generate("", 500, random_state=1) + "\n"
    assert main(["generate", str(out), "--prompt", "an", "--temperature", "0", "--stop", "a", "--stop", "nn"]) == 0
    assert capsys.readouterr().out == model.generate("an", 500, temperature=0, stop=["a", "nn"]) + "\n"
    new = tmp_path / "new.txt"
    new.write_text("anna\n\nnù\n", encoding="utf-8")
    assert main(["score", str(out), str(new)]) == 2
    assert f"{new}: line 3 has 'ù' (U+00F9) at index 1" in capsys.readouterr().err
    config = tmp_path / "job.toml"
    config.write_text('task = "language-model"\nboundaries = true\nunknown = true\nmax_iter = 1\n', encoding="utf-8")
    words = ["fit", str(tmp_path / "names.txt"), "--config", str(config), "--output", str(out), "--test-fraction", "0"]
    assert main(words) == 0 and numrnn.load(out / "model.safetensors").vocabulary_.unknown_symbol_ == 0
    assert main(["score", str(out), str(new)]) == 0


@pytest.mark.filterwarnings("always:max_iter")
def test_few_updates_are_a_warning_of_one_line(files, tmp_path, capsys):
    words = ["fit", str(files / "book.txt"), "--task", "language-model", "--output", str(tmp_path), *SMALL]
    assert main(words) == 0
    error = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    assert len(error) == 1 and error[0].startswith("numrnn: warning: max_iter=2: with batch_size=1 and bptt_steps=25")


def test_forms_and_unseen_characters_of_tables(files, tmp_path):
    rows = [(i, *row) for i, row in enumerate([("ana", "f"), ("jo", "m")] * 9)]
    path = write_table(tmp_path / "names.csv", rows)
    words = ["fit", str(path), *COLUMNS, "--output", str(tmp_path), *SMALL, "--unit", "character"]
    assert main([*words, "--max-symbols", "none", "--normalization", "NFKC"]) == 0
    model = numrnn.load(tmp_path / "model.safetensors")
    assert model.vocabulary_.normalization_ == "NFKC" and model.vocabulary_.unknown_symbol_ == 0
    new = write_table(tmp_path / "new.csv", [("cù",), ("ﬁ",)], ("text",))
    assert main(["predict", str(tmp_path), str(new)]) == 0


def test_a_model_of_words_writes_words(files, tmp_path, capsys):
    words = ["fit", str(files / "book.txt"), "--task", "language-model", "--output", str(tmp_path), *SMALL]
    assert main([*words, "--unit", "token", "--batch-size", "2", "--test", str(files / "book.txt")]) == 0
    assert "bits a token, accuracy 0." in (out := capsys.readouterr().out) and " (161 tokens)" in out
    assert main(["generate", str(tmp_path), "--prompt", "odd or", "--length", "3", "--temperature", "0"]) == 0
    expected = numrnn.load(tmp_path / "model.safetensors").generate("odd or", 3, temperature=0)
    assert capsys.readouterr().out == expected + "\n"


@pytest.mark.serial
def test_a_writer_is_quiet_when_told_to_stop(writer):
    words = [*RUN, "generate", str(writer), "--prompt", "n", "--length", "100000000"]
    for stop in (lambda process: process.stdout.close(), lambda process: process.send_signal(signal.SIGINT)):
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert len(process.stdout.read(1)) == 1  # symbols come as they are drawn
            stop(process)
            if not process.stdout.closed:
                assert process.stdout.read().endswith("\n")
            assert process.stderr.read() == "" and process.wait() == 1


TABLES = {
    "empty.csv": "",
    "header.csv": "text,label\n",
    "twice.csv": "text,text,label\na,b,c\n",
    "hole.csv": 'text,label\n"two\nlines",1\n \t,0\n',
    "target.csv": 'text,label\n"two\nlines",1\nb,\n',
    "short.csv": "text,label\na,1\n\nb\n",
    "quote.csv": 'text,label\na,1\n"b,0\n',
    "token.csv": 'text,label\na,1\n"two\nlines",0\n"?",1\n',
    "words.csv": "text,label\na,1.5\nb,many\n",
    "one.csv": "text,label\na,1\n",
    "nan.csv": "text,label\na,1\nb,NaN\n",
    "same.csv": "text,label\na,odd\nb,odd\n",
    "latin1.csv": "text,label\né,1\n",
    "empty.txt": "",
    "blank.txt": "\n\n",
    "short.txt": "abc",
    "new.txt": "never Ž\n",
}
FIT = ["fit", "--output", "{tmp}/x", *COLUMNS]
LM = ["fit", "--output", "{tmp}/x", "--task", "language-model"]
BAD_USAGE = [
    ([*FIT, "{tmp}/none.csv"], "none.csv: no such file"),
    ([*FIT, "{tmp}/empty.csv"], "empty.csv: the file is empty"),
    ([*FIT, "{tmp}/header.csv"], "header.csv: no rows"),
    ([*FIT, "{tmp}/twice.csv"], "more than one column 'text'; line 1 names the columns 'text', 'text', 'label'"),
    ([*FIT, "{tmp}/hole.csv"], "hole.csv: line 4, column 'text' is empty"),
    ([*FIT, "{tmp}/target.csv"], "target.csv: line 4, column 'label' is empty"),
    ([*FIT, "{tmp}/short.csv"], "short.csv: line 4 has 1 cells, but line 1 names 2 columns"),
    ([*FIT, "{tmp}/quote.csv"], "quote.csv: line 3: unexpected end of data"),
    ([*FIT, "{tmp}/token.csv"], "token.csv: line 5, column 'text' holds no token: '?'"),
    ([*FIT, "{data}/reviews.csv", "--test", "{tmp}/token.csv"], "token.csv: line 5, column 'text' holds no token"),
    ([*FIT, "{tmp}/words.csv", "--task", "regression"], "line 3, column 'label' is 'many', expected a finite number"),
    ([*FIT, "{data}/scores.csv", "--test", "{tmp}/words.csv"], "words.csv: line 3, column 'label' is 'many'"),
    ([*FIT, "{tmp}/one.csv"], "a single row cannot be split"),
    ([*FIT, "{tmp}/latin1.csv"], "latin1.csv: not UTF-8"),
    (["fit", "{data}/reviews.csv", "--output", "{tmp}/x", "--target", "label"], "--text is missing"),
    (["fit", "{data}/reviews.csv", "--output", "{tmp}/x", "--text", "text"], "--target is missing"),
    (["fit", "{data}/reviews.csv", "--output", "{tmp}/x", "--text", "body", "--target", "label"], "no column 'body'"),
    ([*FIT, "{data}/reviews.csv", "--scale"], "--scale does not apply to texts"),
    ([*FIT, "{data}/reviews.csv", "--last", "0"], "last"),
    ([*FIT, "{data}/reviews.csv", "--test-fraction", "1"], "--test-fraction: expected a number from 0 to below 1"),
    ([*FIT, "{data}/reviews.csv", "--last", "x"], "--last: expected an integer or none, got 'x'"),
    ([*FIT, "{data}/reviews.csv", "--hidden-layer-sizes", "8,"], "--hidden-layer-sizes: expected integers such as"),
    ([*FIT, "{data}/reviews.csv", "--random-state", "-1"], "--random-state: expected an integer from 0 to 4294967295"),
    ([*FIT, "{tmp}/nan.csv"], "nan.csv: line 3, column 'label' is 'NaN', expected a finite number"),
    ([*FIT, "{tmp}/same.csv", "--test-fraction", "0"], "same.csv: column 'label' must hold at least 2 classes"),
    ([*FIT, "{data}/reviews.csv", "--test", "{tmp}/same.csv"], "same.csv: column 'label' contains previously unseen"),
    ([*FIT, "japanese_vowels"], "--text does not apply to these data, only to texts"),
    (["fit", "{data}/book.txt", "--output", "{tmp}/x"], "book.txt: a text file needs --task language-model"),
    ([*LM, "{tmp}/none.txt"], "none.txt: no such file"),
    ([*LM, "{tmp}/empty.txt"], "empty.txt: the file is empty"),
    (
        [*LM, "{tmp}/short.txt", "--test-fraction", "0", "--batch-size", "100"],
        "the text to train on has 3 symbols, but batch_size=100 needs",
    ),
    ([*LM, "{data}/book.txt", "--text", "text"], "--text does not apply to a language-model"),
    ([*LM, "{tmp}/blank.txt", "--boundaries"], "blank.txt: all lines are empty"),
    ([*LM, "{tmp}/short.txt", "--boundaries"], "short.txt: a single line cannot be split"),
    ([*FIT, "{data}/reviews.csv", "--boundaries"], "--boundaries applies only to a language-model"),
    ([*FIT, "{data}/reviews.csv", "--normalization", "NFX"], "--normalization: expected auto, NFC, NFKC or none"),
    ([*FIT, "{data}/reviews.csv", "--no-unknown"], "unknown=False: must be True or 'auto'"),
    ([*LM, "{data}/book.txt", "--last", "9"], "--last does not apply to a language-model"),
    ([*LM, "{data}/book.txt", "--bidirectional"], "--bidirectional does not apply to a language-model"),
    (["score", "{writer}", "{tmp}/new.txt"], "new.txt has 'Ž' (U+017D) at index 6"),
    (["score", "{reader}", "{data}/scores.csv", "--target", "other"], "no column 'other'"),
    (["score", "{reader}", "{data}/book.txt"], "book.txt: the model reads texts; pass a .csv or .tsv file"),
    (["predict", "{reader}", "japanese_vowels"], "japanese_vowels: the model reads texts; pass a .csv or"),
    (["score", "{writer}", "{data}/book.txt", "--text", "text"], "--text does not apply to a language-model"),
    (["score", "{writer}", "{data}/book.txt", "--target", "a"], "--target does not apply to a language-model"),
    (["generate", "{writer}", "--prompt", "n", "--random-state", "-1"], "--random-state: expected an integer from 0"),
    (["predict", "{writer}", "{data}/book.txt"], "a language model does not predict targets"),
    (["predict", "{reader}", "{tmp}/token.csv"], "token.csv: line 5, column 'text' holds no token"),
    (["predict", "{alone}", "{data}/reviews.csv"], "--text is missing"),
    (["score", "{alone}", "{data}/reviews.csv", "--text", "text"], "--target is missing"),
    (["generate", "{reader}", "--prompt", "a"], ": RNNClassifier does not generate text"),
    (["generate", "{writer}"], "--prompt is missing: the model has not learned how texts begin"),
    (["generate", "{writer}", "--prompt", "n", "--stop", "é"], "--stop has 'é' (U+00E9) at index 0"),
    (["generate", "{writer}", "--prompt", "né"], "--prompt has 'é' (U+00E9) at index 1"),
    (["generate", "{writer}", "--prompt", ""], "--prompt is empty"),
    (["generate", "{writer}", "--prompt", "n", "--top-p", "2"], "--top-p must be"),
    (["generate", "{writer}", "--prompt", "n", "--length", "-1"], "--length must be"),
]


@pytest.mark.parametrize(("words", "message"), BAD_USAGE)
def test_bad_usage_is_one_line_and_leaves_nothing(words, message, files, reader, writer, tmp_path, capsys):
    for name, text in TABLES.items():
        (tmp_path / name).write_bytes(text.encode("latin-1" if name.startswith("latin1") else "utf-8"))
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "model.safetensors").write_bytes(Path(reader, "model.safetensors").read_bytes())
    names = {"data": files, "reader": reader, "writer": writer, "tmp": tmp_path, "alone": tmp_path / "alone"}
    assert main([word.format(**names) for word in words]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("numrnn: error: ") and captured.err.count("\n") == 1, captured.err
    assert message in captured.err and not captured.out and not (tmp_path / "x").exists()


def test_large_fields_and_targets_of_every_kind(tmp_path):
    limit = csv.field_size_limit()
    path = write_table(tmp_path / "large.csv", [(0, "a" * 200_000, "+1"), (1, "b", "-1")])
    table = read_text_table(path, "text", "label")
    assert len(table.X[0]) == 200_000 and table.y.tolist() == ["+1", "-1"] and csv.field_size_limit() == limit
    assert read_text_table(path, "text", "label", kind="f").y.dtype == np.float64
    assert read_text_table(path, "text", "label", kind="U").y.tolist() == ["+1", "-1"]
    for labels, kind in ((("1", "2.5"), "f"), (("1", "1_0"), "U"), (("1.5", "nan?"), "U")):
        write_table(path, [(0, "a", labels[0]), (1, "b", labels[1])])
        assert read_text_table(path, "text", "label").y.dtype.kind == kind


@pytest.mark.parametrize("labels", [("1", "nan"), ("0.5", "inf"), ("1", "-Infinity")])
def test_nan_and_infinity_make_no_classes(labels, tmp_path):
    """Check that NaN and infinity are errors; a column of numbers with one NaN was once read as labels."""
    path = write_table(tmp_path / "numbers.csv", [(0, "a", labels[0]), (1, "b", labels[1])])
    with pytest.raises(ValueError, match=rf"numbers.csv: line 3, column 'label' is '{labels[1]}', expected a finite"):
        read_text_table(path, "text", "label")


def test_a_fault_far_into_a_file_is_found_at_its_place(tmp_path):
    """Check the position of a decoding error; the decoder's count once began anew with each block of the file."""
    path = tmp_path / "late.csv"
    content = b"text,label\n" + b"a good film,1\n" * 2000
    path.write_bytes(content + b"caf\xe9,0\n")
    with pytest.raises(ValueError, match=rf"late.csv: not UTF-8: .* at byte {len(content) + 3}, in line 2002;"):
        read_text_table(path, "text", "label")


def test_numbers_are_classes_where_the_task_says_so(tmp_path, capsys):
    """Check that --task classification takes ratings such as 4.5 as classes, which were once an error."""
    path = write_table(tmp_path / "ratings.csv", [(i, f"film {i}", ("4.5", "3")[i % 2]) for i in range(12)])
    words = ["fit", str(path), *COLUMNS, "--output", str(tmp_path / "x"), *SMALL, "--task", "classification"]
    assert main(words) == 0, capsys.readouterr().err
    assert numrnn.load(tmp_path / "x" / "model.safetensors").classes_.tolist() == ["3", "4.5"]
    assert main(["score", str(tmp_path / "x"), str(path)]) == 0, capsys.readouterr().err
