"""Build the argument parser, whose options include the estimators' parameters, without importing an estimator."""

import argparse
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import NamedTuple

from numrnn.estimators.parameter_table import TABLE
from numrnn.io.messages import InputError, shown

__all__ = [
    "PARAMETERS", "Failure", "Option", "Parser", "UsageError", "add_device_option", "add_parameters",
    "names_options", "option_of", "reads", "seed",
]  # fmt: skip


class UsageError(Exception):
    """Report wrong usage or input, with one line on stderr and exit status 2."""


class Failure(Exception):
    """Report a failure that the input did not cause, with one line on stderr and exit status 1."""


class Parser(argparse.ArgumentParser):
    """Parse arguments without abbreviated options, and raise errors as exceptions."""

    def __init__(self, **options):
        super().__init__(allow_abbrev=False, **options)

    def error(self, message):
        raise UsageError(f"{message} (see '{self.prog} --help')")


class Option(NamedTuple):
    """Describe a parameter of an estimator as an option: its name, default and reader."""

    name: str
    default: object
    kind: object
    help: str


def option_of(name):
    """Return the option that sets a parameter, such as ``--top-k`` for "top_k"."""
    return "--" + name.replace("_", "-")


@contextmanager
def names_options(*parameters, prefix="", advice=""):
    """Replace, in errors raised within the context, names of parameters by options and hints for Python by `advice`."""
    try:
        yield
    except InputError as error:
        if error.parameter not in parameters:
            raise
        raise UsageError(f"{error.at(option_of(prefix + error.parameter), *error.index)}{advice}") from error


def reads(expected):
    """Return a decorator for readers of options, so that argparse's errors state the expected value."""

    def decorate(read):
        @wraps(read)
        def checked(text):
            try:
                return read(text)
            except ValueError as error:
                raise argparse.ArgumentTypeError(f"expected {expected}, got {shown(text)}") from error

        return checked

    return decorate


@reads("integers such as 64 or 64,32")
def sizes(text):
    """Convert ``"64,32"`` to (64, 32)."""
    return tuple(int(part) for part in text.split(","))


def number_or_name(text):
    """Convert a str to an int if possible; otherwise return it unchanged."""
    return int(text) if text.removeprefix("-").isdigit() else text


@reads("a number or none")
def number_or_none(text):
    """Convert ``"none"`` to None, and any other str to a float."""
    return None if text == "none" else float(text)


@reads(f"an integer from 0 to {2**32 - 1}")
def seed(text):
    """Convert a str to a seed that scikit-learn accepts as `random_state`."""
    number = int(text)
    if not 0 <= number < 2**32:
        raise ValueError(number)
    return number


@reads("balanced, or weights such as 1=2,3=0.5")
def class_weights(text):
    """Convert ``"a=1, b=2"`` to {"a": 1.0, "b": 2.0}, in which labels are str; return ``"balanced"`` unchanged."""
    if "=" not in text:
        return text.strip()
    pairs = (pair.rsplit("=", 1) for pair in text.split(","))
    return {label.strip(): float(weight) for label, weight in pairs}


@reads("names such as f1_macro,step_accuracy")
def names(text):
    """Convert ``"a,b"`` to ["a", "b"]."""
    found = [name.strip() for name in text.split(",")]
    if not all(found):
        raise ValueError(text)
    return found


_READERS = {read.__name__: read for read in (sizes, number_or_name, number_or_none, seed, class_weights, names)}


def _option(row):
    reads = row.option.reads
    if reads is None:
        reads = bool if "boolean" in row.allows else row.choices
    return Option(row.name, row.default, _READERS.get(reads, reads), row.option.help)


# `kind` is bool, a function that converts the text of the option, or a tuple of the allowed values.
PARAMETERS = tuple(_option(row) for row in TABLE if row.option is not None)


def add_device_option(parser):
    """Add --device to the parser of a command that computes with a fitted model."""
    text = "device to compute on (default: the one that the model was trained on)"
    parser.add_argument("--device", choices=("cpu", "cuda"), help=text)


def add_parameters(parser):
    """Add the estimators' parameters to a parser; the parsed arguments contain only options that are given."""
    group = parser.add_argument_group("parameters of the estimator")
    for name, default, kind, text in PARAMETERS:
        details = {"default": argparse.SUPPRESS, "help": text if default is None else f"{text} (default: {default})"}
        if kind is bool:
            details["action"] = argparse.BooleanOptionalAction
        elif isinstance(kind, tuple):
            details["choices"] = kind
        else:
            details |= {"type": kind, "metavar": "VALUE"}
        group.add_argument(option_of(name), **details)


# options that a config file cannot set
NOT_IN_FILES = ("help", "config")
MOST_DOTS = 1000  # largest number of dots in a line: for a key of 50,000 parts, tomllib needs a minute and 9 GB


def over_config(parser, arguments):
    """Return the entries of the config file, overridden by options on the command line."""
    given = {name: value for name, value in vars(arguments).items() if name not in ("run", "config")}
    if arguments.config is None:
        return given
    try:
        from_file = vars(parser.parse_args(_as_arguments(_read(arguments.config))))
    except (UsageError, ValueError, RecursionError) as error:
        raise UsageError(f"{arguments.config}: {error}") from error
    return {name: value for name, value in from_file.items() if name not in ("run", "config")} | given


def _read(path):
    import tomllib

    try:
        text = Path(path).read_bytes().decode()
        if any(line.count(".") > MOST_DOTS for line in text.splitlines()):
            raise ValueError(f"a line has more than {MOST_DOTS} dots; shorten its key")
        return tomllib.loads(text)
    except OSError as error:
        raise UsageError(error.strerror) from error
    except (ValueError, RecursionError) as error:  # errors of tomllib, and bytes that are not UTF-8
        raise UsageError(f"not a valid TOML file: {error}") from error


def _as_arguments(entries):
    """Return the entries of a config file as command-line arguments, so that one parser checks both."""
    # after "--", a name that begins with "-" is not read as an option
    data = ["--", str(entries.pop("data"))] if "data" in entries else []
    words = []
    for name, value in entries.items():
        option = option_of(name)
        if name in NOT_IN_FILES:
            raise UsageError(f"{option} cannot be set in a file of options; pass it on the command line")
        if isinstance(value, bool):
            words.append(option if value else option_of(f"no_{name}"))
        elif isinstance(value, list):
            words.append(f"{option}=" + ",".join(map(str, value)))
        elif isinstance(value, dict):
            words.append(f"{option}=" + ",".join(f"{key}={item}" for key, item in value.items()))
        else:
            words.append(f"{option}={value}")
    return words + data
