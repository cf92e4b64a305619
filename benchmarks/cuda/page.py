"""Tables of a page in reStructuredText; cells that a card has to fill say so until it has."""

import re
from typing import NamedTuple

EMPTY = "not measured: no GPU"


class Section(NamedTuple):
    """A table whose rows are measured one by one."""

    title: str
    about: str  # below the title
    header: tuple
    keys: list  # tuples of str or int: the first cells of a row
    measure: object  # a function of a key: the other cells, figures or texts
    seconds: float  # that the rows with one first cell may take


def groups(section):
    """First cells of rows: rows that begin alike are measured in one process."""
    return list(dict.fromkeys(str(key[0]) for key in section.keys))


def cells_of(section, key):
    """Measure a row: (text, whether its target is met or None) of each cell. An error becomes the row's text."""
    try:
        cells = section.measure(*key)
    except (Exception, SystemExit) as error:  # a peer's check ends its program
        return failed(section, key, f"{type(error).__name__}: {error}")
    return [(_text(cell), getattr(cell, "met", None)) for cell in cells]


def failed(section, key, reason):
    """The cells of a row that could not be measured."""
    reason = f"FAILED: {' '.join(str(reason).split())[:200]}"
    return [(reason, False)] + [("", None)] * (len(section.header) - len(key) - 1)


def _text(cell):
    return f"{cell:.3g}" if isinstance(cell, float) else str(cell)


def page(sections, results, facts, introduction):
    """Lines of the page.

    Parameters
    ----------
    sections : dict of str to Section
    results : dict of (str, tuple) to list of (str, bool or None)
        By name of the section and key of the row; rows that are not there have empty cells. With none the page is its
        introduction.
    facts : list of (str, str)
        Of the card and versions.
    introduction : str
    """
    yield from _title("What a card shows", "=")
    yield from [introduction, ""]
    if not results:
        return
    yield from ["What runs there, and why, is in :doc:`cuda`.", ""]
    verdicts = [met for cells in results.values() for _, met in cells if met is not None]
    yield from [f"{verdicts.count(True)} of {len(verdicts)} figures and checks are what they should be.", ""]
    yield from _title("Card and versions", "-")
    yield from _table(("what", "which"), facts)
    for name, section in sections.items():
        yield from _title(section.title, "-")
        yield from [section.about, ""]
        width = len(section.header) - len(section.keys[0])
        empty = [(EMPTY, None)] * width
        rows = [[*key, *(text for text, _ in results.get((name, key), empty))] for key in section.keys]
        yield from _table(section.header, rows)


def _title(text, line):
    return [text, line * len(text), ""]


def _table(header, rows):
    yield from [".. csv-table::", "   :header-rows: 1", ""]
    for row in [header, *rows]:
        yield "   " + ",".join(f'"{_escaped(cell)}"' for cell in row)
    yield ""


def _escaped(cell):
    """A cell that says what it says, but for literals of code."""
    text = str(cell).replace('"', "'")
    return text if text.startswith("``") else re.sub(r"([\\*`|_])", r"\\\1", text)
