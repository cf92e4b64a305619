"""What `fit` leaves in its directory."""

import csv
import io
import json
import math
import os

from sklearn.base import is_classifier

from numrnn import RNNLanguageModel, RNNSeq2Seq
from numrnn.inspection.training_history import save_learning_curve
from numrnn.io.atomic import replace_file

__all__ = ["HistoryFile", "as_json", "columns_of", "run_facts", "save_results"]


def save_results(directory, estimator, facts, *, watched):
    """Write model, report and, where matplotlib is installed, the learning curve.

    Parameters
    ----------
    directory : pathlib.Path
        Where to; files of an earlier run are replaced.
    estimator : RNNClassifier, RNNRegressor or RNNLanguageModel
        Fitted.
    facts : dict
        What the report says beside the model's own facts.
    watched : str
        What validation loss and score were measured on: ``"test"`` or ``"validation"``.

    Returns
    -------
    paths : list of pathlib.Path
        The files of the directory, the history among them, which training has written.
    """
    names = ("model.safetensors", "history.csv", "report.json", "learning_curve.png")
    model, history, report, picture = (directory / name for name in names)
    estimator.save(model)
    columns = make_history(estimator)
    facts = {"model": model_facts(estimator), "watched": watched} | facts
    replace_file(report, (as_json(facts) + "\n").encode())
    try:
        save_learning_curve(columns, picture, watched=watched, labels=_labels(estimator))
    except ImportError:
        return [model, history, report]
    return [model, history, report, picture]


def _labels(estimator):
    """What loss and score are, for the picture."""
    if isinstance(estimator, RNNLanguageModel):
        unit = estimator.vocabulary_.unit
        return f"cross-entropy (nats a {unit})", f"bits a {unit}"
    if isinstance(estimator, RNNSeq2Seq):
        return "loss", "minus the loss"
    return "loss", "accuracy" if is_classifier(estimator) else "R2"


def as_json(facts):
    """Facts as JSON text; it has no NaN and no infinity, so they become null."""
    return json.dumps(_finite(facts), indent=2, default=str, allow_nan=False)


def _finite(value):
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def make_history(estimator):
    """Loss and validation figures by epoch: the columns of ``history.csv``."""
    columns = columns_of(estimator, watched=estimator.validation_loss_curve_ is not None)
    return {name: [value(record) for record in estimator._state.history] for name, value in columns.items()}


def model_facts(estimator):
    """What the model is, in JSON's types (callables as text)."""
    return {
        "class": type(estimator).__name__,
        "parameters": estimator.get_params(deep=False),
        "weights": {name: list(array.shape) for name, array in estimator.weights_.items()},
        "n_weights": sum(array.size for array in estimator.weights_.values()),
        "n_iter": estimator.n_iter_,
        "loss": float(estimator.loss_),
    }


def run_facts(estimator, checkpoint, comm):
    """Where and how a model came to be: facts that change none of its bits."""
    from numrnn.estimators.n_jobs import n_threads

    resumed_from = checkpoint and checkpoint.resumed_from
    threads = comm.threads(n_threads(estimator.n_jobs), estimator.n_jobs)
    return {"threads": threads, "ranks": comm.size, "resumed_from": resumed_from and str(resumed_from)}


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
    from numrnn.cli.training_run import is_language_model

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
