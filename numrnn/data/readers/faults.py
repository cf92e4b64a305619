"""Rows of tables that cannot be read: an error at the first one, or left out and told."""

import csv
import io

from numrnn.io import replace_file

__all__ = ["Faults"]


class Faults:
    """Collect the rows that cannot be read, or raise an error at the first.

    Parameters
    ----------
    tolerant : bool, default=False
        Whether to leave them out; else the first is an error.

    Attributes
    ----------
    absent : int
        Number of rows, or sequences, that were left out because they have no target.

    Examples
    --------
    >>> from numrnn.data.readers.faults import Faults
    >>> faults = Faults(tolerant=True)
    >>> faults.add("reviews.csv", 7, "column 'text' is empty", ["", "good"])
    >>> faults.summary()
    "1 row left out: line 7 (column 'text' is empty)"
    """

    def __init__(self, tolerant=False):
        self.tolerant, self.absent, self._rows = tolerant, 0, []

    def __len__(self):
        return len(self._rows)

    def add(self, path, line, reason, cells):
        """Note a row, or raise a ValueError that tells where it is and what is wrong with it."""
        if not self.tolerant:
            raise ValueError(f"{path}: line {line}{', ' if reason.startswith('column') else ' '}{reason}")
        self._rows.append((str(path), line, reason, _joined(cells)))

    def summary(self):
        """Return how many rows were left out, and the first of them."""
        first = ", ".join(f"line {line} ({reason:.80})" for _, line, reason, _ in self._rows[:3])
        more = f" and {len(self) - 3} more" if len(self) > 3 else ""
        return f"{len(self)} row{'s' if len(self) > 1 else ''} left out: {first}{more}"

    def write(self, path):
        """Write the rows to a ``.csv`` file: file, line, what is wrong, and the row as it was."""
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows([("file", "line", "reason", "row"), *self._rows])
        replace_file(path, text.getvalue().encode("utf-8", "backslashreplace"))


def _joined(cells):
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()
