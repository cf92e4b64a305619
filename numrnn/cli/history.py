"""The history of a training as a file that is whole at any time."""

import csv
import io
import math
import os

__all__ = ["HistoryFile", "columns_of"]


def columns_of(estimator, *, watched):
    """What ``history.csv`` has of an epoch.

    Parameters
    ----------
    estimator : RNNClassifier, RNNRegressor or RNNLanguageModel
    watched : bool
        Whether something is held out, or given, to compute loss and score on.

    Returns
    -------
    columns : dict of str to callable
        Functions of an `EpochRecord`.
    """
    from numrnn.cli.training import is_language_model

    columns = {"epoch": lambda record: record.epoch, "loss": lambda record: record.loss}
    if watched:
        columns["validation_loss"] = lambda record: record.validation_loss
        if is_language_model(estimator):  # the score is the loss with a minus
            columns["validation_bits"] = lambda record: record.validation_loss / math.log(2)
        else:
            columns["validation_score"] = lambda record: record.validation_score
    return columns | {"learning_rate": lambda record: record.learning_rate, "seconds": lambda record: record.seconds}


class HistoryFile:
    """A callback that writes a row after each epoch; a fit that is resumed begins with the rows of its checkpoint.

    Parameters
    ----------
    path : pathlib.Path
    columns : dict of str to callable
        From `columns_of`.
    """

    def __init__(self, path, columns):
        self._path, self._columns = path, columns

    def on_fit_begin(self, info):
        """Write what there is, in one go: rows that a killed process wrote after its last checkpoint come again."""
        from numrnn.io import replace_file

        text = _rows([self._columns]) + _rows(self._values(record) for record in info.history)
        replace_file(self._path, text.encode())

    def on_epoch_end(self, info):
        """Append the epoch; it is on the disk when this returns."""
        try:
            with open(self._path, "a", newline="", encoding="utf-8") as file:
                file.write(_rows([self._values(info.last)]))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise type(error)(error.errno, error.strerror, str(self._path)) from error

    def _values(self, record):
        return [value(record) for value in self._columns.values()]


def _rows(rows):
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()
