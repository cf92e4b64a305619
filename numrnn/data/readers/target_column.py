"""Decide from all cells of a column of targets whether they are integers, numbers or labels."""

import math
import re
from collections import Counter

import numpy as np

from numrnn.io.messages import shown

__all__ = ["DECIMAL_COMMA", "TargetColumn", "is_number"]

INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")  # up to 18 digits, without leading zeros
LABEL = re.compile(r"[+-]?0[0-9]+|[+-]?[0-9]{19,}")  # digits that would change on conversion to a number
PLUS = re.compile(r"\+[0-9]+")
DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")
DIGITS = re.compile(r"[+-]?[0-9]+")
EXACT = 2.0**53  # float64 represents all integers up to this one exactly
EXPECTED = {"i": "an integer", "f": "a finite number"}


def is_number(cell):
    """Return whether a cell is a number, which may be NaN or infinity, but must not have underscores."""
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


class TargetColumn:
    """Decide the type of the cells of a column.

    The first rule that applies decides. (1) If some integer has a leading zero or at least 19 digits, or if all cells
    are integers and one has a plus sign, the cells are labels as written. (2) If all cells are integers, they are
    integers. (3) If all cells are numbers, they are floats. (4) If at most half of the cells are numbers, including
    numbers with a decimal comma, or if the task is classification, the cells are labels. (5) Otherwise, the cells that
    are not numbers are errors. For regression, these rules do not apply: all cells must be finite numbers. For
    classification, the cells of (3) are labels if one of them is not an exact integer.

    Parameters
    ----------
    name : str
        Name of the column.
    task : {"classification", "regression"}, default=None
        Task that the user stated.

    Examples
    --------
    >>> from numrnn.data.readers.target_column import TargetColumn
    >>> for cells in (["7", "10"], ["007", "7"], ["1.5", "2"]):
    ...     column = TargetColumn("label").look_at(cells, lambda i: f"line {i + 2}")
    ...     print(column.convert(cells))
    [ 7 10]
    ['007' '7']
    [1.5 2. ]
    """

    def __init__(self, name, task=None):
        self.name, self._task, self._kind = name, task, None
        self._count = self._numbers = self._commas = 0
        self._labels = False  # whether a cell must be a label, by its digits or its type
        self._plus = False
        self._inexact = False  # whether a number is not an integer, or above EXACT
        self._other = self._not_finite = self._not_whole = None  # first such cell and its position

    def look_at(self, cells, place):
        """Take more cells, which have no surrounding blanks, into account; `place` returns the position of cell i."""
        self._count += len(cells)
        for cell, times in Counter(cells).items():
            if not is_number(cell):
                self._commas += times if DECIMAL_COMMA.fullmatch(cell) else 0
                self._other = self._other or (cell, place(cells.index(cell)))
            else:
                self._numbers += times
                if not INTEGER.fullmatch(cell):
                    self._look_at_number(cell, lambda cell=cell: place(cells.index(cell)))
        return self

    def _look_at_number(self, cell, place):
        self._labels = self._labels or LABEL.fullmatch(cell) is not None
        self._plus = self._plus or PLUS.fullmatch(cell) is not None
        if DIGITS.fullmatch(cell):
            return
        self._not_whole = self._not_whole or (cell, place())
        if not math.isfinite(float(cell)):
            self._not_finite = self._not_finite or (cell, place())
        else:
            self._inexact = self._inexact or float(cell) % 1 != 0 or abs(float(cell)) > EXACT

    def look_at_typed(self, array):
        """Take targets from a typed file into account: an array of numbers, or of str, which are labels."""
        self._count += len(array)
        if array.dtype.kind not in "iuf":
            self._labels = True
        else:
            self._numbers += len(array)
            if array.dtype.kind == "f" and len(array):
                self._not_whole = self._not_whole or (str(array[0]), "another file")
                self._inexact = self._inexact or bool(((array % 1 != 0) | (abs(array) > EXACT)).any())
        return self

    def kind(self):
        """Return the type of the cells: "i" (integers), "f" (floats) or "U" (labels).

        A ValueError names a cell that is not a number, and its line, if the column should hold numbers.
        """
        if self._task == "regression":
            self._check(self._other, "f")
            self._check(self._not_finite, "f")
            return "f"
        if self._labels or (self._plus and self._not_whole is None):
            return "U"
        if self._other is not None:
            if self._task is None and 2 * (self._numbers + self._commas) > self._count:
                raise ValueError(self._mixed())
            return "U"
        if self._not_whole is None:
            return "i"
        self._check(
            self._not_finite,
            "f",
            f"; pass --na {self._not_finite[0]} to leave such rows out" if self._not_finite else "",
        )
        return "U" if self._task == "classification" and self._inexact else "f"

    def _mixed(self):
        cell, place = self._other
        found = f"{place}, column {self.name!r:.80} is {cell!r:.80}"
        labels = "pass --task classification to read all cells as labels"
        if self._commas:
            return f"{found}, but decimals need a point; correct them, or {labels}"
        of = f"{self._numbers} of {self._count} cells are numbers"
        return f"{found}, but {of}; pass --na {cell!r:.80} to leave such rows out, or {labels}"

    def _check(self, fault, kind, way_out=""):
        if fault is not None:
            cell, place = fault
            raise ValueError(f"{place}, column {self.name!r:.80} is {cell!r:.80}, expected {EXPECTED[kind]}{way_out}")

    def convert(self, cells):
        """Return cells as an array of their type; for classification, floats (which are then whole) become integers."""
        self._kind = self._kind or self.kind()
        if self._kind == "U":
            return np.array(cells, dtype=str)
        if self._kind == "i":
            return np.array(cells).astype(np.int64)
        numbers = np.array(cells).astype(np.float64)
        return numbers.astype(np.int64) if self._task == "classification" else numbers

    @staticmethod
    def fault_of(cell, kind):
        """Return None if a cell has the type `kind`, or if `kind` is "U" (any str); otherwise return the problem."""
        fits = {"i": INTEGER.fullmatch, "f": lambda cell: is_number(cell) and math.isfinite(float(cell))}
        return None if kind not in fits or fits[kind](cell) else f"is {shown(cell)[:100]}, expected {EXPECTED[kind]}"
