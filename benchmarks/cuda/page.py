"""Write the tables of a page in reStructuredText; cells that need a GPU are marked until they are measured."""

import re
from typing import NamedTuple

EMPTY = "not measured: no GPU"


class Section(NamedTuple):
    """Describe a table whose rows are measured one by one."""

    title: str
    about: str  # below the title
    header: tuple
    keys: list  # tuples of str or int: the first cells of a row
    measure: object  # a function of a key: the other cells, figures or texts
    seconds: float  # that the rows with one first cell may take


def groups(section):
    """Return the first cells of the rows; rows with the same first cell are measured in one process."""
    return list(dict.fromkeys(str(key[0]) for key in section.keys))


def cells_of(section, key):
    """Measure a row and return (text, whether its target is met or None) for each cell.

    The text of an error becomes the first measured cell of the row.
    """
    try:
        cells = section.measure(*key)
    except (Exception, SystemExit) as error:  # a peer's check ends its program
        return failed(section, key, f"{type(error).__name__}: {error}")
    return [(_text(cell), getattr(cell, "met", None)) for cell in cells]


def failed(section, key, reason):
    """Return the cells of a row that could not be measured."""
    reason = f"FAILED: {' '.join(str(reason).split())[:200]}"
    return [(reason, False)] + [("", None)] * (len(section.header) - len(key) - 1)


def _text(cell):
    return f"{cell:.3g}" if isinstance(cell, float) else str(cell)


def page(sections, results, facts, introduction):
    """Yield the lines of the page.

    Parameters
    ----------
    sections : dict of str to Section
    results : dict of (str, tuple) to list of (str, bool or None)
        Cells by the section's name and the row's key. Rows without results are marked as not measured; without any
        results the page is its introduction.
    facts : list of (str, str)
        Names and versions of the GPU and the software.
    introduction : str
    """
    yield from _title("Measurements on a GPU", "=")
    yield from [introduction, ""]
    if not results:
        return
    yield from [":doc:`cuda` explains what is measured, and why.", ""]
    verdicts = [met for cells in results.values() for _, met in cells if met is not None]
    yield from [f"{verdicts.count(True)} of {len(verdicts)} figures and checks meet their targets.", ""]
    yield from _title("GPU and versions", "-")
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
    """Escape the markup in a cell, except in literals of code."""
    text = str(cell).replace('"', "'")
    return text if text.startswith("``") else re.sub(r"([\\*`|_])", r"\\\1", text)
