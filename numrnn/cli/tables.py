"""Define the options for the format of tables, which several commands have."""

import argparse
import csv
import warnings
from pathlib import Path

from numrnn.cli.options import names_options, reads

__all__ = ["FORMAT_OPTIONS", "add_format_options", "column_list", "faults_of", "form_of", "say_what_was_left_out"]

FORMAT_OPTIONS = ("delimiter", "encoding", "header", "na", "skip_bad")
DELIMITERS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|", "space": " "}


def add_format_options(parser, kind="texts", *, listed="and list them in skipped.csv", targets=True):
    """Add options for the format of tables to a parser; the parsed arguments contain only options that are given.

    Parameters
    ----------
    parser : ArgumentParser
    kind : str
        Noun for what the command reads, for the help.
    listed : str
        End of the help of --skip-bad: what the command does with skipped rows in addition to counting them.
    targets : bool
        Whether the command reads targets.
    """
    group = parser.add_argument_group("format of tables")
    given = {"default": argparse.SUPPRESS}
    text = "delimiter: a character, or tab "
    text += "(default: tab in .tsv files, else comma, semicolon, tab or pipe, inferred from the first line)"
    group.add_argument("--delimiter", metavar="CHARACTER", type=_delimiter, help=text, **given)
    group.add_argument(
        "--encoding", metavar="NAME", help="encoding, such as latin-1 or utf-16 (default: utf-8)", **given
    )
    text = "whether the first line has the names of the columns; if not, they are 1, 2, 3, ... (default: yes)"
    group.add_argument("--header", action=argparse.BooleanOptionalAction, help=text, **given)
    if targets:
        text = f"cells that stand for a missing target (such as NA,?); their {kind} are left out"
        group.add_argument("--na", metavar="VALUE,...", type=column_list, help=text, **given)
    text = ", ".join(filter(None, (f"leave out {kind} that cannot be read", "count them", listed)))
    group.add_argument("--skip-bad", action=argparse.BooleanOptionalAction, help=text, **given)


@reads("one character, or tab")
def _delimiter(text):
    delimiter = DELIMITERS.get(text, text)
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise ValueError(text)
    return delimiter


@reads("names with commas between them")
def column_list(text):
    """Convert ``'a,"b, c"'`` to ("a", "b, c")."""
    return tuple(next(csv.reader([text], strict=True), [""]) or [""])


def form_of(options):
    """Return the `TableFormat` described by a dict of options."""
    from numrnn.data.readers.csv_files import TableFormat, codec_of

    encoding = options.get("encoding", "utf-8")
    with names_options("encoding"):
        codec_of(encoding)
    return TableFormat(options.get("delimiter"), encoding, options.get("header", True))


def faults_of(options):
    """Return a `Faults` object that is tolerant if the dict of options has `skip_bad`."""
    from numrnn.data.readers.faults import Faults

    return Faults(tolerant=bool(options.get("skip_bad")))


def say_what_was_left_out(faults, path, kind="rows"):
    """Warn of skipped rows and, if `path` is not None, write them to this file in place of an older list."""
    from numrnn.data.readers.faults import remove_list

    if faults.absent:
        warnings.warn(f"{kind} left out because they have no target: {faults.absent}", stacklevel=2)
    if not len(faults):
        if path is not None:
            remove_list(Path(path))
        return
    if path is not None:
        faults.write(path)
    warnings.warn(f"{faults.summary()}{'' if path is None else f'; all are in {path}'}", stacklevel=2)
