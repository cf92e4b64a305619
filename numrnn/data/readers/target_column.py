"""What a column of targets holds: whole numbers, numbers or labels, decided by all of its cells."""

import math
import re
from collections import Counter

import numpy as np

from numrnn.io.messages import shown

__all__ = ["DECIMAL_COMMA", "TargetColumn", "is_number"]

INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")  # as Python writes it
LABEL = re.compile(r"[+-]?0[0-9]+|[+-]?[0-9]{19,}")  # digits that a number would not keep
PLUS = re.compile(r"\+[0-9]+")
DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")
DIGITS = re.compile(r"[+-]?[0-9]+")
EXACT = 2.0**53  # up to it a float64 tells integers apart
EXPECTED = {"i": "an integer", "f": "a finite number"}


def is_number(cell):
    """Return whether a cell is a number, NaN and infinity among them, as tables have them: without underscores.

    Examples
    --------
    >>> from numrnn.data.readers.target_column import is_number
    >>> is_number("-1.5e3"), is_number("1_000"), is_number("1,5")
    (True, False, False)
    """
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


class TargetColumn:
    """Decide what the cells of a column are.

    Cells are labels as they are written where an integer among them has a leading zero, 19 digits or more, or, where
    all cells are integers, a plus sign. Otherwise they are integers if all of them are, numbers if all of them are,
    and labels if at most half of them are numbers, of which some may have a decimal comma. Where more than half are
    numbers, a cell that is none is an error, unless the task says that cells are labels.

    Parameters
    ----------
    name : str
        Of the column.
    task : {"classification", "regression"}, default=None
        What the user said that targets are.

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
        self._labels = False  # some cell keeps its digits as a label only, or has the type of text
        self._plus = False
        self._inexact = False  # some number is no integer, or too large to be told from its neighbours
        self._other = self._not_finite = self._not_whole = None  # the first cell of its kind, and its place

    def look_at(self, cells, place):
        """Look at more cells.

        Parameters
        ----------
        cells : list of str
            As they are written, without blanks around them.
        place : callable
            Takes the number of a cell, returns where it stands.

        Returns
        -------
        self : TargetColumn
        """
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
        """Look at targets of a file that has types: numbers, or texts that are labels.

        Parameters
        ----------
        array : ndarray of shape (n,)

        Returns
        -------
        self : TargetColumn
        """
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
        """Return what the cells are: "i", "f" or "U".

        Raises
        ------
        ValueError
            Naming the cell of a column of numbers that is none, and its line.
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
        self._check(self._not_finite, "f", f", or --na {self._not_finite[0]}" if self._not_finite else "")
        return "U" if self._task == "classification" and self._inexact else "f"

    def _mixed(self):
        cell, place = self._other
        found = f"{place}, column {self.name!r:.80} is {cell!r:.80}"
        labels = "--task classification takes all cells as labels"
        if self._commas:
            return f"{found}: decimals need a point; {labels}"
        of = f"{self._numbers} of {self._count} cells are numbers"
        return f"{found}, but {of}: --na {cell!r:.80} leaves such rows out, {labels}"

    def _check(self, fault, kind, way_out=""):
        if fault is not None:
            cell, place = fault
            raise ValueError(
                f"{place}, column {self.name!r:.80} is {cell!r:.80}, expected {EXPECTED[kind]}{way_out}"
            )

    def convert(self, cells):
        """Return cells as an array of what all cells are; whole numbers that the task calls labels are integers.

        Parameters
        ----------
        cells : list of str or ndarray

        Returns
        -------
        targets : ndarray of int64, float64 or str
        """
        self._kind = self._kind or self.kind()
        if self._kind == "U":
            return np.array(cells, dtype=str)
        if self._kind == "i":
            return np.array(cells).astype(np.int64)
        numbers = np.array(cells).astype(np.float64)
        return numbers.astype(np.int64) if self._task == "classification" else numbers

    @staticmethod
    def fault_of(cell, kind):
        """Return what was expected of a cell of a known kind, or None if it is so.

        Parameters
        ----------
        cell : str
        kind : {"i", "f", "U"}
        """
        fits = {"i": INTEGER.fullmatch, "f": lambda cell: is_number(cell) and math.isfinite(float(cell))}
        return None if kind not in fits or fits[kind](cell) else f"is {shown(cell)[:100]}, expected {EXPECTED[kind]}"
