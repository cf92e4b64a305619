"""Handle rows of tables that cannot be read: raise an error at the first such row, or skip and report the rows."""

import csv
import io

from numrnn.io import replace_file

__all__ = ["Faults", "checked_fault", "remove_list"]

COLUMNS = ("file", "line", "reason", "row")


def checked_fault(path, line, reason, tolerant):
    """Return `reason` if faults are tolerated; otherwise raise a ValueError with path, line and reason."""
    if not tolerant:
        raise ValueError(f"{path}: line {line}{', ' if reason.startswith('column') else ' '}{reason}")
    return reason


class Faults:
    """Collect the rows that cannot be read, or raise an error at the first such row.

    Parameters
    ----------
    tolerant : bool, default=False
        Whether to collect the rows instead of raising an error.

    Attributes
    ----------
    absent : int
        Number of rows or sequences that were skipped because they have no target.

    Examples
    --------
    >>> from numrnn.data.readers.faults import Faults
    >>> faults = Faults(tolerant=True)
    >>> faults.add("reviews.csv", 7, "column 'text' is empty", ["", "good"])
    >>> faults.summary()
    "1 row left out: line 7 (column 'text' is empty)"
    """

    def __init__(self, tolerant=False):
        self.tolerant, self.absent = tolerant, 0
        self._rows, self._sequences, self._reasons, self._n_reasons = [], 0, [], 0

    def __len__(self):
        return len(self._rows)

    def add(self, path, line, reason, cells):
        """Record a row that cannot be read, or raise a ValueError with its path, its line and the reason."""
        self._note(path, line, checked_fault(path, line, reason, self.tolerant), cells)
        self._count(line, reason)

    def add_sequence(self, path, rows):
        """Record all rows of a sequence, which is skipped as a whole.

        Parameters
        ----------
        path : path-like
        rows : iterable of tuple
            Tuple (line, fault, cells) for each row; the fault is None if the row itself can be read.
        """
        rows = list(rows)
        first = next(line for line, reason, _ in rows if reason is not None)
        for line, reason, cells in rows:
            if reason is not None:
                self._count(line, reason)
            self._note(path, line, reason or f"its sequence cannot be read, see line {first}", cells)
        self._sequences += 1

    def _note(self, path, line, reason, cells):
        self._rows.append((str(path), int(line), reason, _joined(cells)))

    def _count(self, line, reason):
        self._n_reasons += 1
        if self._n_reasons <= 3:
            self._reasons.append(f"line {line} ({reason:.80})")

    def summary(self):
        """Return one line that states the numbers of skipped rows and sequences and the first three faults."""
        rows = _counted(len(self), "row")
        found = f"{_counted(self._sequences, 'sequence')} left out, {rows}" if self._sequences else f"{rows} left out"
        more = self._n_reasons - len(self._reasons)
        return f"{found}: {', '.join(self._reasons)}{f' and {more} more' if more else ''}"

    def write(self, path):
        """Write the rows to a ``.csv`` file with the columns file, line, reason and row (cells joined by commas)."""
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows([COLUMNS, *self._rows])
        replace_file(path, text.getvalue().encode("utf-8", "backslashreplace"))


def remove_list(path):
    """Remove a file if its first line shows that `Faults.write` wrote it; do not remove any other file."""
    try:
        with open(path, "rb") as file:
            is_list = file.readline() == f"{','.join(COLUMNS)}\n".encode()
    except OSError:
        return
    if is_list:
        path.unlink()


def _counted(number, noun):
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _joined(cells):
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()
