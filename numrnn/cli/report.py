"""What `fit` leaves in its directory."""

import json
import math

from sklearn.base import is_classifier

from numrnn import RNNLanguageModel, RNNSeq2Seq
from numrnn.cli.history import columns_of
from numrnn.cli.picture import save_learning_curve
from numrnn.io.atomic import replace_file

__all__ = ["as_json", "run_facts", "save_results"]


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
    from numrnn.estimators.threads import n_threads

    resumed_from = checkpoint and checkpoint.resumed_from
    threads = comm.threads(n_threads(estimator.n_jobs), estimator.n_jobs)
    return {"threads": threads, "ranks": comm.size, "resumed_from": resumed_from and str(resumed_from)}
