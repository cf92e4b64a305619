"""Texts on the command line: their options, files, vocabularies and errors."""

import argparse
import re
from contextlib import contextmanager
from pathlib import Path

from numrnn.cli.arguments import UsageError, reads
from numrnn.cli.settings import VOCABULARY
from numrnn.messages import shown

__all__ = ["add_column_options", "add_text_options", "make_vocabulary", "names_lines", "read_for", "read_texts"]

LANGUAGE_MODEL = "language-model"
VOCABULARY_OPTIONS = ("unit", "max_symbols", "unknown", "lowercase", "normalization", "last")
TEXT_OPTIONS = ("text", "target", "test", "test_fraction", "boundaries", *VOCABULARY_OPTIONS)
TEST_FRACTION = 0.1


def add_text_options(parser):
    """Add the options of texts to the parser of ``fit``; those not given stay away from its result."""
    group = parser.add_argument_group("texts: the rows of a .csv file, or a text file with --task language-model")
    given = {"default": argparse.SUPPRESS}
    group.add_argument("--text", metavar="COLUMN", help="the .csv file's column of texts", **given)
    group.add_argument("--target", metavar="COLUMN", help="its column of targets", **given)
    group.add_argument("--test", metavar="FILE", help="a file like it to test on", **given)
    text = f"part to test on where there is no --test, the end of one text (default: {TEST_FRACTION})"
    group.add_argument("--test-fraction", metavar="VALUE", type=_fraction, help=text, **given)
    flag = argparse.BooleanOptionalAction
    text = f"read each line as a text with a beginning and an end, for a {LANGUAGE_MODEL} (default: the file is a text)"
    group.add_argument("--boundaries", action=flag, help=text, **given)
    group.add_argument("--unit", choices=("character", "token"), help="what is a symbol; a token is a word", **given)
    text = "keep the so many most frequent ones, the unknown included, or none for all"
    group.add_argument("--max-symbols", metavar="VALUE", type=_count_or_none, help=text, **given)
    text = f"symbol for what the texts to train on do not have (default: yes, for characters of a {LANGUAGE_MODEL} no)"
    group.add_argument("--unknown", action=flag, help=text, **given)
    group.add_argument("--lowercase", action=flag, help="read capitals as small", **given)
    text = "Unicode normalization form: NFC, NFKC or none (default: NFC for tokens, none for characters)"
    group.add_argument("--normalization", metavar="FORM", type=_form, help=text, **given)
    text = "read the last so many symbols of a text, or none for all"
    group.add_argument("--last", metavar="VALUE", type=_count_or_none, help=text, **given)


def add_column_options(parser, *names):
    """Add --text and --target, where `names` has them, to the parser of a command that has a fitted model."""
    for name in names:
        text = f"a .csv file's column of {name}s (default: the one that fit was told)"
        parser.add_argument(f"--{name}", metavar="COLUMN", help=text)


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


def is_table(name):
    """Whether data of this name are a table of texts."""
    return Path(name).suffix.lower() == ".csv"


def reads_texts(options):
    """Whether the options of ``fit`` are about texts."""
    return options.get("task") == LANGUAGE_MODEL or is_table(options["data"])


def make_vocabulary(options):
    """The vocabulary that the options ask for, above the settings for tables."""
    from numrnn.data import Vocabulary

    if options.get("task") == LANGUAGE_MODEL and "last" in options:
        raise UsageError(f"--last is no option for a {LANGUAGE_MODEL}: it reads all of its text")
    settings = {} if options.get("task") == LANGUAGE_MODEL else VOCABULARY
    return Vocabulary(**settings | {name: options[name] for name in VOCABULARY_OPTIONS if name in options})


def read_texts(options):
    """What ``fit`` trains on and, if anything, tests on, as a `DataFile`."""
    from numrnn.data.readers import DataFile, Part

    name, test = options["data"], options.get("test")
    fraction = options.get("test_fraction", TEST_FRACTION)
    if test is not None and "test_fraction" in options:
        raise UsageError("--test and --test-fraction exclude each other")
    if options.get("task") != LANGUAGE_MODEL:
        if "boundaries" in options:
            raise UsageError(f"--boundaries is an option for a {LANGUAGE_MODEL}, with --task {LANGUAGE_MODEL}")
        return _read_tables(name, test, fraction, options)
    for column in ("text", "target"):
        if column in options:
            raise UsageError(f"--{column} is no option for a {LANGUAGE_MODEL}: it reads a file as one text")
    if options.get("boundaries"):
        return _read_lines_of(name, test, fraction, options)
    text = _read_file(name)
    if test is not None:
        return DataFile(Part(text, None), Part(_read_file(test), None))
    end = len(text) - round(fraction * len(text))
    return DataFile(Part(text[:end], None), Part(text[end:], None) if end < len(text) else None)


def _read_lines_of(name, test, fraction, options):
    from numrnn.data.readers import DataFile
    from numrnn.estimators.validation import split

    lines = _read_lines(name)
    if test is not None or not fraction:
        return DataFile(lines, None if test is None else _read_lines(test))
    _check_can_hold_out(lines, name, "line")
    kept, held = split(len(lines.X), fraction, options.get("random_state", 0))
    return DataFile(lines.take(kept), lines.take(held))


def _check_can_hold_out(part, name, what):
    if len(part.X) < 2:
        raise UsageError(f"{name}: one {what} is too few to hold some out: pass --test FILE or --test-fraction 0")


def _read_tables(name, test, fraction, options):
    from numrnn.data.readers import DataFile

    for column in ("text", "target"):
        if column not in options:
            raise UsageError(f"--{column} is missing: which column of {name} has the {column}s?")
    kind = "f" if options.get("task") == "regression" else None
    table = _read_rows(name, options["text"], options["target"], kind)
    if options.get("task") == "classification" and table.y.dtype.kind == "f" and (table.y % 1).any():
        table = _read_rows(name, options["text"], options["target"], "U")  # ratings, such as 4.5
    if test is not None:
        return DataFile(table, _read_rows(test, options["text"], options["target"], table.y.dtype.kind))
    if not fraction:
        return DataFile(table, None)
    _check_can_hold_out(table, name, "row")
    kept, held = _hold_out(table.y, fraction, options)
    return DataFile(table.take(kept), table.take(held) if len(held) else None)


def _hold_out(y, fraction, options):
    """Rows to train and to test on: of each class the same part, and of none all."""
    import numpy as np

    from numrnn.estimators.validation import split

    is_regression = options.get("task") == "regression" or ("task" not in options and y.dtype.kind == "f")
    codes = None if is_regression else np.unique(y, return_inverse=True)[1]
    kept, held = split(len(y), fraction, options.get("random_state", 0), codes=codes)
    if codes is None:
        return kept, held
    known = np.isin(codes[held], codes[kept])
    return np.sort(np.concatenate([kept, held[~known]])), held[known]


def read_for(model, arguments):
    """The data that a command is to show to a fitted model, as a `DataFile`."""
    from numrnn import RNNLanguageModel
    from numrnn.cli.data import read_data
    from numrnn.data.readers import DataFile, Part

    given = [name for name in ("text", "target") if getattr(arguments, name, None) is not None]
    if isinstance(model, RNNLanguageModel):
        if model.vocabulary_ is None:
            raise UsageError(f"{arguments.model}: it was fitted on symbols, not on texts")
        if given:
            raise UsageError(f"--{given[0]} is no option for a {LANGUAGE_MODEL}: it reads a file as one text")
        lines = model.end_symbol_ is not None
        return DataFile(_read_lines(arguments.data) if lines else Part(_read_file(arguments.data), None), None)
    if not is_table(arguments.data):
        if model.vocabulary_ is not None:
            raise UsageError(f"{arguments.data}: the model reads texts, the rows of a .csv file")
        if given:
            raise UsageError(f"--{given[0]} is no option for these data, only for a .csv file")
        return read_data(arguments.data)
    if model.vocabulary_ is None:
        raise UsageError(f"{arguments.data}: the model reads numbers, not texts")
    columns = {name: getattr(arguments, name, None) or _told(arguments.model, name) for name in ("text", "target")}
    if columns["text"] is None:
        raise UsageError(f"--text is missing: which column of {arguments.data} has the texts?")
    if not hasattr(arguments, "target"):
        return DataFile(_read_rows(arguments.data, columns["text"], None, None), None)
    if columns["target"] is None:
        raise UsageError(f"--target is missing: which column of {arguments.data} has the targets?")
    kind = model.classes_.dtype.kind if hasattr(model, "classes_") else "f"
    return DataFile(_read_rows(arguments.data, columns["text"], columns["target"], kind), None)


def _told(model, option):
    """What ``fit`` was told, by the report beside the model."""
    import json

    path = Path(model)
    report = (path if path.is_dir() else path.parent) / "report.json"
    try:
        return json.loads(report.read_text(encoding="utf-8"))["options"].get(option)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None  # a model may be without its report, or with another's


def _read_file(name):
    from numrnn.data.text_readers import read_text

    return _read(read_text, name)


def _read_lines(name):
    from numrnn.data.text_readers import read_lines

    return _read(read_lines, name)


def _read_rows(name, text, target, kind):
    from numrnn.data.text_readers import read_table

    return _read(read_table, name, text, target, kind=kind)


def _read(function, name, *arguments, **options):
    try:
        return function(name, *arguments, **options)
    except FileNotFoundError as error:
        raise UsageError(error) from error
    except OSError as error:
        raise UsageError(f"{name}: {error.strerror}") from error


@contextmanager
def names_lines(part, name=None):
    """Let errors about texts name their lines in the file, or the file `name` of one text; others stay as they are."""
    try:
        yield
    except (ValueError, TypeError) as error:
        message = str(error)
        if isinstance(part.X, str):
            message = re.sub(r"^X\b", lambda _: name, message)
        elif hasattr(part, "place"):
            message = re.sub(r"\bX(?:_val)?\[(\d+)\]", lambda found: part.place(int(found[1])), message)
            message = re.sub(r"^y(?:_val)?\b", lambda _: f"{part.path}: column {shown(part.target)}", message)
        raise type(error)(message) from error
