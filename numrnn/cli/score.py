"""``numrnn score``: how good a saved model is on a data set."""

import math

import numpy as np
from sklearn import metrics
from sklearn.base import is_classifier

from numrnn import RNNLanguageModel, RNNSeq2Seq
from numrnn.cli.options import add_device_option
from numrnn.cli.tables import faults_of, say_what_was_left_out
from numrnn.cli.texts import add_column_options
from numrnn.data.sequences import Sequences

__all__ = ["add_parser", "as_text", "score"]


def add_parser(commands):
    """Add the command to the parser's sub-commands."""
    parser = commands.add_parser(
        "score",
        help="score a saved model",
        description="Compare a saved model's predictions with the targets of a data set (of its test part, if any).",
    )
    parser.add_argument("model", metavar="MODEL", help="a model file, or the directory that fit wrote")
    parser.add_argument(
        "data", metavar="DATA", help="a bundled data set's name, a file (.npz, .csv, a text), or a directory of shards"
    )
    add_column_options(parser, "text", "target")
    parser.add_argument("--subset", choices=("train", "test"), help="which part (default: test, if there is one)")
    add_device_option(parser)
    parser.add_argument("--json", action="store_true", help="all scores as JSON, those of each class too")
    parser.set_defaults(run=run)


def run(arguments):
    """Predict, compare, print."""
    from numrnn.cli.data import read_model_for, subset
    from numrnn.cli.options import UsageError
    from numrnn.cli.report import as_json
    pass
    from numrnn.cli.texts import names_lines, read_for
    from numrnn.cli.training_run import is_language_model

    model = read_model_for(arguments)
    faults = faults_of(vars(arguments))
    data = read_for(model, arguments, faults)
    say_what_was_left_out(faults, None)
    part = subset(data, arguments.subset)
    if part.y is None and not is_language_model(model):
        raise UsageError(f"{arguments.data}: there are no targets (y) to score against")
    with names_lines(part, arguments.data):
        scores = score(model, part)
    name = "test" if part is data.test else "train"
    name = arguments.data if isinstance(part.X, (str, list)) else name
    print(as_json(scores) if arguments.json else as_text(scores, name))


# a wider table than this does not fit a terminal; the report has it all
MOST_CLASSES_SHOWN = 20


def score(estimator, part):
    """Predict a part of the data and compare with its targets.

    Parameters
    ----------
    estimator : RNNClassifier, RNNRegressor, RNNLanguageModel or RNNSeq2Seq
        Fitted.
    part : Part or TextTable
        Sequences or texts, and targets; of a language model one text, or texts with boundaries.

    Returns
    -------
    scores : dict
        Of a classifier: ``accuracy``, ``per_class`` (precision, recall, f1-score and support of each), and
        ``labels`` and ``confusion`` (rows: true classes), but for several labels at a time. Of a regressor: ``r2``,
        ``mean_squared_error``, ``mean_absolute_error``, and ``per_target`` where there are several. Of a language
        model: ``cross_entropy`` in nats, ``bits_per_symbol``, ``perplexity``, ``unit``. Of an encoder-decoder of texts:
        ``exact``, the share that is right in every symbol. ``n``: what was counted, sequences, steps or symbols.
    """
    if isinstance(estimator, RNNLanguageModel):
        return _prediction_of_text(estimator, part.X)
    if isinstance(estimator, RNNSeq2Seq):
        return {"n": len(part.X), "counted": "sequences", "exact": estimator.score(part.X, part.y)}
    truth, predicted = _rows(part.y), _rows(estimator.predict(part.X))
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
    }


def _rows(targets):
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
    """The scores of the part called `name`, in lines; `table` for the confusion table too."""
    counted = f"({scores['n']} {scores['counted']})"
    if "cross_entropy" in scores:
        return (
            f"{name} cross-entropy: {scores['cross_entropy']:.4f} nats, {scores['bits_per_symbol']:.4f} bits a "
            f"{scores['unit']} {counted}"
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
