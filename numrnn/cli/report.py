"""Write the files of ``numrnn fit`` in its output directory."""

import csv
import io
import json
import math
import os
from functools import partial

import numpy as np
from sklearn import metrics
from sklearn.base import is_classifier

from numrnn import RNNLanguageModel, RNNSeq2Seq
from numrnn.data.sequences import Sequences
from numrnn.inspection.training_history import save_learning_curve
from numrnn.io.atomic import replace_file

__all__ = ["HistoryFile", "as_json", "as_text", "history_columns", "run_facts", "save_results", "score"]


def save_results(directory, estimator, facts, *, watched):
    """Write the model, the report and, if matplotlib is installed, the learning curve.

    Parameters
    ----------
    directory : pathlib.Path
        Output directory; files of an earlier run are replaced.
    estimator : estimator
        The fitted estimator.
    facts : dict
        Entries of the report in addition to the facts of the model.
    watched : str
        Data on which validation loss and score were computed: ``"test"`` or ``"validation"``.

    Returns
    -------
    paths : list of pathlib.Path
        Paths of all files of the run, including the history, which training has written.
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
    """Return the names of the loss and the score in the learning curve."""
    if isinstance(estimator, RNNLanguageModel):
        unit = estimator.vocabulary_.unit
        return f"cross-entropy (nats a {unit})", f"bits a {unit}"
    if isinstance(estimator, RNNSeq2Seq):
        return "loss", "minus the loss"
    return "loss", "accuracy" if is_classifier(estimator) else "R2"


def as_json(facts):
    """Return facts as JSON; NaN and infinity become null, since JSON does not have them."""
    return json.dumps(_finite(facts), indent=2, default=str, allow_nan=False)


def _finite(value):
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def make_history(estimator):
    """Return the columns of ``history.csv`` as lists with one value per epoch."""
    columns = history_columns(estimator, watched=estimator.validation_loss_curve_ is not None)
    return {name: [value(record) for record in estimator._state.history] for name, value in columns.items()}


def model_facts(estimator):
    """Return facts about the model, which `as_json` can convert."""
    return {
        "class": type(estimator).__name__,
        "parameters": estimator.get_params(deep=False),
        "weights": {name: list(array.shape) for name, array in estimator.weights_.items()},
        "n_weights": sum(array.size for array in estimator.weights_.values()),
        "n_iter": estimator.n_iter_,
        "loss": float(estimator.loss_),
    }


def run_facts(estimator, checkpoint, comm):
    """Return facts about a run that do not affect its result."""
    from numrnn.estimators.problem import n_threads

    resumed_from = checkpoint and checkpoint.resumed_from
    threads = comm.threads(n_threads(estimator.n_jobs), estimator.n_jobs)
    return {"threads": threads, "ranks": comm.size, "resumed_from": resumed_from and str(resumed_from)}


def history_columns(estimator, *, watched):
    """Return the columns of ``history.csv``, as a dict of functions of an `EpochRecord`.

    If `watched` is True, they include validation columns: the loss, the score or bits per symbol, and the entries of
    the estimator's `scoring`, which must be a list of names.
    """
    from numrnn.cli.training_run import is_language_model

    columns = {"epoch": lambda record: record.epoch, "loss": lambda record: record.loss}
    if watched:
        columns["validation_loss"] = lambda record: record.validation_loss
        if is_language_model(estimator):  # the score would be the negative loss
            columns["validation_bits"] = lambda record: record.validation_loss / math.log(2)
        else:
            columns["validation_score"] = lambda record: record.validation_score
        columns |= {name: partial(_score_of, name) for name in getattr(estimator, "scoring", None) or ()}
    return columns | {"learning_rate": lambda record: record.learning_rate, "seconds": lambda record: record.seconds}


def _score_of(name, record):
    return record.scores.get(name, math.nan)


class HistoryFile:
    """Write a row of ``history.csv`` after each epoch, as a callback; a resumed fit keeps the rows of earlier epochs.

    Parameters
    ----------
    path : pathlib.Path
    columns : dict of str to callable
        The result of `history_columns`.
    """

    def __init__(self, path, columns):
        self._path, self._columns = path, columns

    def on_fit_begin(self, info):
        """Start a new file with the rows of earlier epochs, without later rows that a killed process has written."""
        from numrnn.io import replace_file

        text = _rows([self._columns]) + _rows(self._values(record) for record in info.history)
        replace_file(self._path, text.encode())

    def on_epoch_end(self, info):
        """Append the row of the epoch and sync the file to disk."""
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


# The confusion matrix of more classes does not fit in a terminal and is not printed; report.json has it.
MOST_CLASSES_SHOWN = 20


def score(estimator, part):
    """Predict a subset of the data and compare the predictions with its targets.

    Parameters
    ----------
    estimator : estimator
        The fitted estimator.
    part : Part or TextTable
        Sequences or texts with targets. For a language model, one text, or several if it was fitted with boundaries.

    Returns
    -------
    scores : dict
        For a classifier, ``accuracy``, ``per_class`` (precision, recall, f1-score and support) and, if it is not
        multi-label, ``labels`` and ``confusion`` (rows are true classes). For a regressor, ``r2``,
        ``mean_squared_error``, ``mean_absolute_error`` and, for several targets, ``per_target``. For a language model,
        ``cross_entropy`` in nats, ``bits_per_symbol``, ``perplexity``, ``accuracy`` and ``unit``. For an
        encoder-decoder, ``exact``, the fraction of texts without an error. ``n`` is the number of sequences, steps or
        symbols, and ``counted`` their name.
    """
    if isinstance(estimator, RNNLanguageModel):
        return _prediction_of_text(estimator, part.X)
    if isinstance(estimator, RNNSeq2Seq):
        return {"n": len(part.X), "counted": "sequences", "exact": estimator.score(part.X, part.y)}
    truth, predicted = _flat(part.y), _flat(estimator.predict(part.X))
    scores = {"n": len(truth), "counted": "steps" if isinstance(part.y, Sequences) else "sequences"}
    if is_classifier(estimator):
        return scores | _classification(truth, predicted)
    return scores | _regression(truth, predicted)


def _prediction_of_text(estimator, text):
    unit, entropy = estimator.vocabulary_.unit, estimator.cross_entropy(text)
    symbols = estimator.vocabulary_.transform(text)
    ends = 0 if estimator.end_symbol_ is None else len(symbols)
    return {
        "n": int(symbols.lengths.sum()) + ends if ends else len(symbols),
        "counted": f"{unit}s and ends" if ends else f"{unit}s",
        "unit": unit,
        "cross_entropy": entropy,
        "bits_per_symbol": entropy / math.log(2),
        "perplexity": math.exp(entropy),
        "accuracy": estimator.accuracy(text),
    }


def _flat(targets):
    return targets.values if isinstance(targets, Sequences) else np.asarray(targets)


def _classification(truth, predicted):
    report = metrics.classification_report(truth, predicted, output_dict=True, zero_division=0)
    totals = ("accuracy", "macro avg", "weighted avg", "micro avg", "samples avg")
    scores = {
        "accuracy": float(metrics.accuracy_score(truth, predicted)),
        "per_class": {name: row for name, row in report.items() if name not in totals},
    }
    if truth.ndim > 1:
        return scores
    labels = np.unique(np.concatenate([truth, predicted]))
    confusion = metrics.confusion_matrix(truth, predicted, labels=labels)
    return scores | {"labels": labels.tolist(), "confusion": confusion.tolist()}


def _regression(truth, predicted):
    scores = {"r2": metrics.r2_score, "mean_squared_error": metrics.mean_squared_error}
    scores |= {"mean_absolute_error": metrics.mean_absolute_error}
    result = {name: float(function(truth, predicted)) for name, function in scores.items()}
    if truth.ndim > 1:
        result["per_target"] = {
            name: function(truth, predicted, multioutput="raw_values").tolist() for name, function in scores.items()
        }
    return result


def as_text(scores, name, *, table=True):
    """Return a str that states the scores of the subset `name`; `table` adds the confusion matrix."""
    counted = f"({scores['n']} {scores['counted']})"
    if "cross_entropy" in scores:
        return (
            f"{name} cross-entropy: {scores['cross_entropy']:.4f} nats, {scores['bits_per_symbol']:.4f} bits a "
            f"{scores['unit']}, accuracy {scores['accuracy']:.4f} {counted}"
        )
    if "exact" in scores:
        return f"{name} exactly right: {scores['exact']:.4f} {counted}"
    if "r2" in scores:
        error = scores["mean_squared_error"]
        return f"{name} R2: {scores['r2']:.4f}, mean squared error: {error:.4g} {counted}"
    text = f"{name} accuracy: {scores['accuracy']:.4f} {counted}"
    if table and len(scores.get("labels", ())) in range(2, MOST_CLASSES_SHOWN + 1):
        text += "\n\n" + _confusion_table(scores["labels"], scores["confusion"])
    return text


def _confusion_table(labels, confusion):
    names = [str(label) for label in labels]
    width = max(4, 1 + max(map(len, names)), 1 + len(str(max(map(max, confusion)))))
    head = "true \\ predicted"
    lines = [head + "".join(name.rjust(width) for name in names)]
    for name, row in zip(names, confusion, strict=True):
        lines.append(name.rjust(len(head)) + "".join((str(count) if count else ".").rjust(width) for count in row))
    return "\n".join(lines)
