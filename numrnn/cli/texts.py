"""Handle texts on the command line: options, files, vocabularies and errors."""

import argparse
from contextlib import contextmanager
from pathlib import Path

from numrnn.cli.data import STEPS, why_not
from numrnn.cli.options import UsageError, option_of, reads
from numrnn.cli.presets import VOCABULARY
from numrnn.cli.tables import FORMAT_OPTIONS, add_format_options, form_of
from numrnn.io.messages import InputError, shown

__all__ = [
    "LANGUAGE_MODEL", "PAIRS", "TEXT_OPTIONS", "add_column_options", "add_text_options", "is_text_table",
    "make_vocabulary", "names_lines", "read_for", "read_texts", "reads_texts",
]  # fmt: skip

LANGUAGE_MODEL, PAIRS = "language-model", "sequence-to-sequence"
COLUMNS = ("text", "target", "id")
VOCABULARY_OPTIONS = ("unit", "max_symbols", "unknown", "lowercase", "normalization", "last")
TEXT_OPTIONS = (*COLUMNS, "test", "test_fraction", "boundaries", *VOCABULARY_OPTIONS, *FORMAT_OPTIONS)
NO_TABLE = f"does not apply to a {LANGUAGE_MODEL}, which reads a text and not a table; leave it out"
TEST_FRACTION = 0.1


def add_text_options(parser):
    """Add the options of texts to the parser of ``fit``; its result contains only options that are given."""
    group = parser.add_argument_group("texts: the rows of a table, or a text file with --task language-model")
    given = {"default": argparse.SUPPRESS}
    group.add_argument("--text", metavar="COLUMN", help="column of texts in the table", **given)
    group.add_argument("--target", metavar="COLUMN", help="column of targets", **given)
    group.add_argument(
        "--id",
        metavar="COLUMN",
        help="column of identifiers, which numrnn predict writes with the predictions",
        **given,
    )
    group.add_argument("--test", metavar="FILE", help="file of the same format to test on", **given)
    text = f"fraction to hold out without --test: rows, lines, or the end of a text (default: {TEST_FRACTION})"
    group.add_argument("--test-fraction", metavar="VALUE", type=_fraction, help=text, **given)
    flag = argparse.BooleanOptionalAction
    text = (
        f"read each line as a text with a beginning and an end, for a {LANGUAGE_MODEL} (default: the file is one text)"
    )
    group.add_argument("--boundaries", action=flag, help=text, **given)
    group.add_argument("--unit", choices=("character", "token"), help="meaning of a symbol; a token is a word", **given)
    text = "largest number of symbols, including the one for unknown characters or tokens, or none for no limit"
    group.add_argument("--max-symbols", metavar="VALUE", type=_count_or_none, help=text, **given)
    text = f"reserve a symbol for unknown characters or tokens (default: yes; no for characters of a {LANGUAGE_MODEL})"
    group.add_argument("--unknown", action=flag, help=text, **given)
    group.add_argument("--lowercase", action=flag, help="convert capitals to lower case", **given)
    text = "Unicode normalisation form: NFC, NFKC or none (default: NFC for tokens, none for characters)"
    group.add_argument("--normalization", metavar="FORM", type=_form, help=text, **given)
    text = "number of symbols to read at the end of a text, or none for all"
    group.add_argument("--last", metavar="VALUE", type=_count_or_none, help=text, **given)
    add_format_options(parser, "rows")


def add_column_options(parser, *names):
    """Add options for the columns of a table to the parser of a command that uses a fitted model."""
    what = {"text": "texts", "target": "targets", "id": "identifiers, which are written with the predictions"}
    for name in names:
        text = f"column of {what[name]} in a table (default: the one that fit used)"
        parser.add_argument(f"--{name}", metavar="COLUMN", default=argparse.SUPPRESS, help=text)
    listed = "and list them beside --output" if "id" in names else ""
    add_format_options(parser, "rows", listed=listed, targets="target" in names)


@reads("a number from 0 to below 1")
def _fraction(text):
    value = float(text)
    if not 0 <= value < 1:
        raise ValueError(value)
    return value


@reads("auto, NFC, NFKC or none")
def _form(text):
    if text not in ("auto", "NFC", "NFKC", "none"):
        raise ValueError(text)
    return None if text == "none" else text


@reads("an integer or none")
def _count_or_none(text):
    return None if text == "none" else int(text)


def is_text_table(name):
    """Return whether a name has the suffix of a table of texts."""
    from numrnn.data.readers.csv_files import suffix_of

    return suffix_of(name) in (".csv", ".tsv")


def reads_texts(options):
    """Return whether ``fit`` reads texts with these options."""
    return options.get("task") in (LANGUAGE_MODEL, PAIRS) or is_text_table(options["data"])


def make_vocabulary(options, of="text"):
    """Return the vocabulary for texts or, if `of` is "target", for the targets of pairs, according to the options."""
    from numrnn.data import Vocabulary

    task = options.get("task")
    if task == LANGUAGE_MODEL and "last" in options:
        raise UsageError(f"--last does not apply to a {LANGUAGE_MODEL}, which reads all of its text; leave it out")
    settings = {} if task in (LANGUAGE_MODEL, PAIRS) else VOCABULARY
    names = [name for name in VOCABULARY_OPTIONS if name in options and (of == "text" or name != "last")]
    return Vocabulary(**settings | {name: options[name] for name in names})


def read_texts(options, faults):
    """Return the training and test data of ``fit`` as a `DataFile`; `faults` records rows that cannot be read."""
    from numrnn.data.readers.npz import DataFile, Part

    name, test = options["data"], options.get("test")
    fraction = options.get("test_fraction", TEST_FRACTION)
    if test is not None and "test_fraction" in options:
        raise UsageError("--test and --test-fraction cannot be combined; pass one of them")
    if "-" == name == test:
        raise UsageError("--test -: standard input is already the training data; write one of the two to a file")
    if options.get("task") != LANGUAGE_MODEL:
        if "boundaries" in options:
            raise UsageError(
                f"--boundaries applies only to a {LANGUAGE_MODEL}; pass --task {LANGUAGE_MODEL} or leave it out"
            )
        return _read_tables(name, test, fraction, options, faults)
    for option in (*COLUMNS, *FORMAT_OPTIONS):
        if option in options and option != "encoding":
            raise UsageError(f"{option_of(option)} {NO_TABLE}")
    if options.get("boundaries"):
        return _read_lines_of(name, test, fraction, options)
    text = _read_file(name, options)
    if test is not None:
        return DataFile(Part(text, None), Part(_read_file(test, options), None))
    end = len(text) - round(fraction * len(text))
    return DataFile(Part(text[:end], None), Part(text[end:], None) if end < len(text) else None)


def _read_lines_of(name, test, fraction, options):
    from numrnn.data.readers.npz import DataFile
    from numrnn.estimators.held_out import split

    lines = _read_lines(name, options)
    if test is not None or not fraction:
        return DataFile(lines, None if test is None else _read_lines(test, options))
    _check_can_hold_out(lines, name, "line")
    kept, held = split(len(lines.X), fraction, options.get("random_state", 0))
    return DataFile(lines.take(kept), lines.take(held))


def _check_can_hold_out(part, name, what):
    if len(part.X) < 2:
        raise UsageError(
            f"{name}: a single {what} cannot be split to test on a part; pass --test FILE or --test-fraction 0"
        )


def _read_tables(name, test, fraction, options, faults):
    from numrnn.data.readers.npz import DataFile

    if not is_text_table(name):
        raise UsageError(why_not(name, f"a .csv or .tsv file for --task {options['task']}"))
    for column in ("text", "target"):
        if column not in options:
            raise UsageError(f"{_missing(column, name)}; or {STEPS}")
    task = options.get("task")
    kind = "text" if task == PAIRS else None
    vocabularies = make_vocabulary(options), make_vocabulary(options, "target") if task == PAIRS else None

    def read(name, kind):
        table = _read_rows(name, options, faults, kind=kind, task=task)
        return _without_empty_texts(table, *vocabularies, faults)

    table = read(name, kind)
    if test is not None:
        return DataFile(table, read(test, kind or table.y.dtype.kind))
    if not fraction:
        return DataFile(table, None)
    _check_can_hold_out(table, name, "row")
    kept, held = _hold_out(table.y, fraction, options)
    return DataFile(table.take(kept), table.take(held) if len(held) else None)


def _missing(column, name):
    return f"--{column} is missing; pass --{column} COLUMN, the column of {name} with the {column}s"


def _hold_out(y, fraction, options):
    """Return the rows to train on and to test on, stratified by class; only classes of the training rows are tested."""
    import numpy as np

    from numrnn.estimators.held_out import split

    task = options.get("task")
    codes = None
    if task == "classification" or (task is None and y.dtype.kind != "f"):
        codes = np.unique(y, return_inverse=True)[1]
    kept, held = split(len(y), fraction, options.get("random_state", 0), codes=codes)
    if codes is None:
        return kept, held
    known = np.isin(codes[held], codes[kept])
    return np.sort(np.concatenate([kept, held[~known]])), held[known]


def read_for(model, arguments, faults, *, with_targets=True):
    """Return the data on which a command evaluates a fitted model, as a `DataFile`."""
    from numrnn import RNNLanguageModel
    from numrnn.cli.data import check_exists, read_data, select
    from numrnn.data.readers.npz import DataFile, Part

    options, name = vars(arguments), arguments.data
    check_exists(name)
    given = [option for option in (*COLUMNS, *FORMAT_OPTIONS) if option in options]
    if isinstance(model, RNNLanguageModel):
        if model.vocabulary_ is None:
            raise UsageError(f"{arguments.model}: it was fitted on symbols, not on text; score it in Python")
        wrong = [option for option in given if option != "encoding"]
        if wrong:
            raise UsageError(f"{option_of(wrong[0])} {NO_TABLE}")
        lines = model.end_symbol_ is not None
        return DataFile(_read_lines(name, options) if lines else Part(_read_file(name, options), None), None)
    told = _told(arguments.model)
    if not is_text_table(name):
        if model.vocabulary_ is not None:
            raise UsageError(f"{name}: the model reads texts; pass a .csv or .tsv file with a column of texts")
        if given:
            raise UsageError(
                f"{option_of(given[0])} does not apply to these data, only to a table of texts; leave it out"
            )
        data, chosen = read_data(name), "inputs" in told or "drop" in told
        if chosen and getattr(data.train.X, "names", None) and hasattr(model, "feature_names_in_"):
            return select(data, name, tuple(model.feature_names_in_), ())
        return data
    if model.vocabulary_ is None:
        raise UsageError(f"{name}: the model reads numbers, not texts; {STEPS}")
    options = {option: value for option, value in told.items() if option in TEXT_OPTIONS} | options
    for column in ("text", "target") if with_targets else ("text",):
        if column not in options:
            raise UsageError(_missing(column, name))
    needs_id = "id" in vars(arguments)  # if only `fit` had the option --id, the table need not have ids
    options |= {"id": None} if with_targets else {"target": None, "na": ()}  # score reads targets, predict ids
    table = _read_rows(name, options, faults, kind=_kind_of_targets(model), needs_id=needs_id)
    vocabularies = model.vocabulary_, getattr(model, "target_vocabulary_", None)
    return DataFile(_without_empty_texts(table, *vocabularies, faults), None)


def _kind_of_targets(model):
    if hasattr(model, "classes_"):
        kind = model.classes_.dtype.kind
        return kind if kind in "if" else "U"
    return "text" if hasattr(model, "target_vocabulary_") else "f"


def _told(model):
    """Return the options of ``fit``, from the report in the directory of the model."""
    import json

    path = Path(model)
    report = (path if path.is_dir() else path.parent) / "report.json"
    try:
        return dict(json.loads(report.read_text(encoding="utf-8"))["options"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}  # no report.json, or one that numrnn did not write


def _read_file(name, options):
    from numrnn.data.readers.csv_files import suffix_of
    from numrnn.data.readers.text import read_text

    if suffix_of(name) in (".npz", ".npy", ".parquet", ".safetensors"):
        raise UsageError(f"{name}: expected a text file, got a {suffix_of(name)} file")
    return _read(read_text, name, form_of(options).encoding)


def _read_lines(name, options):
    from numrnn.data.readers.text import read_lines

    return _read(read_lines, name, form_of(options).encoding)


def _read_rows(name, options, faults, *, kind=None, task=None, needs_id=True):
    """Return the rows of a table, with the columns that the options name."""
    from numrnn.data.readers.text import read_text_table

    columns = {"text": options["text"], "target": options["target"], "id": options.get("id"), "needs_id": needs_id}
    task = task if task in ("classification", "regression") else None
    rest = {"form": form_of(options), "na": tuple(options.get("na", ())), "faults": faults}
    return _read(read_text_table, name, **columns, kind=kind, task=task, **rest)


def _without_empty_texts(table, vocabulary, target_vocabulary, faults):
    """Return the rows whose texts (and targets of pairs) have at least one symbol; record all other rows as faults.

    If faults are not skipped, texts of classifiers and regressors are not checked here: the estimator raises the error.
    """
    import numpy as np

    kept = np.ones(len(table.X), bool)
    columns = [(vocabulary, table.X, table.column)] if faults.tolerant or target_vocabulary is not None else []
    if target_vocabulary is not None and table.y is not None:
        columns.append((target_vocabulary, table.y, table.target))
    for symbols, texts, column in columns:
        if symbols.unit == "token":  # no text of a table lacks characters
            known = symbols if hasattr(symbols, "symbols_") else _split_alike(symbols)
            for i in np.flatnonzero(kept & (known.transform(list(texts)).lengths == 0)).tolist():
                faults.add(table.path, table.lines[i], f"column {shown(column)[:100]} holds no token", table.cells(i))
                kept[i] = False
    if not kept.any():
        raise UsageError(f"{table.path}: no rows are left: {faults.summary()}")
    return table if kept.all() else table.take(np.flatnonzero(kept).tolist())


def _split_alike(vocabulary):
    """Return a copy of a vocabulary that is fitted on a dummy text, so that it can split texts."""
    from sklearn.base import clone

    return clone(vocabulary).fit(["a"])


def _read(function, name, *arguments, **options):
    try:
        return function(name, *arguments, **options)
    except FileNotFoundError as error:
        raise UsageError(error) from error
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror}" if error.strerror else error) from error


@contextmanager
def names_lines(part, name=None, suffix=""):
    """Add the positions in the file to errors about texts and their targets within the context.

    Parameters
    ----------
    part : TextTable, TextLines or Part
        Data to which the errors refer. If the part has no path, errors are raised unchanged.
    name : str
        Name of the part if it is a single text.
    suffix : str
        Suffix of the parameters of `fit` to which the part is passed: "_val" for X_val and y_val.
    """
    try:
        yield
    except InputError as error:
        is_target = error.parameter == f"y{suffix}"
        if not is_target and error.parameter != f"X{suffix}":
            raise
        if isinstance(part.X, str):
            raise error.at(name, *error.index) from error
        if part.path is None:
            raise
        where, *rest = error.index or (None,)
        raise error.at(part.place(where, part.target if is_target else None), *rest) from error
