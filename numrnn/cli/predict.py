"""Run ``numrnn predict``: write the predictions of a saved model as CSV or ``.npz``."""

import csv
import io
import sys
from contextlib import contextmanager
from pathlib import Path

from numrnn.cli.options import UsageError, add_device_option
from numrnn.cli.tables import faults_of, say_what_was_left_out
from numrnn.cli.texts import add_column_options

__all__ = ["add_parser"]


def add_parser(commands):
    """Add the command to the parser's sub-commands."""
    parser = commands.add_parser(
        "predict",
        help="predict with a saved model",
        description="Predict every sequence of a data set (its test set, if it has one) with a saved model.",
    )
    parser.add_argument("model", metavar="MODEL", help="model file, or output directory of numrnn fit")
    parser.add_argument(
        "data",
        metavar="DATA",
        help="bundled data set (by name), .npz file, table, or directory of shards; targets are optional",
    )
    add_column_options(parser, "text", "id")
    parser.add_argument(
        "--subset", choices=("train", "test"), help="subset of the data (default: test, if there is one)"
    )
    add_device_option(parser)
    parser.add_argument("--proba", action="store_true", help="add the probabilities of the classes")
    parser.add_argument(
        "--output", metavar="FILE", help=".csv or .npz file for the predictions (default: CSV on stdout)"
    )
    parser.set_defaults(run=run)


def run(arguments):
    """Predict and write the predictions."""
    kind = "" if arguments.output is None else Path(arguments.output).suffix.lower()
    if arguments.output is not None and kind not in (".csv", ".npz"):
        raise UsageError(f"--output={arguments.output}: must end in .csv or .npz")

    import numpy as np

    from numrnn.cli.data import read_model_for, subset
    from numrnn.cli.texts import names_lines, read_for
    from numrnn.cli.training_run import is_language_model, is_pair
    from numrnn.data.sequences import Sequences

    model = read_model_for(arguments)
    if is_language_model(model):
        raise UsageError("a language model does not predict targets; use numrnn score or numrnn generate")
    if arguments.proba and not hasattr(model, "predict_proba"):
        raise UsageError(f"--proba: {type(model).__name__} does not predict probabilities; leave out --proba")
    faults = faults_of(vars(arguments))
    part = subset(read_for(model, arguments, faults, with_targets=False), arguments.subset)
    say_what_was_left_out(faults, arguments.output and str(Path(arguments.output).with_suffix("")) + ".skipped.csv")
    with names_lines(part):
        results = {"prediction": model.predict(part.X)}
    if arguments.proba:
        results["proba"] = model.predict_proba(part.X)
    if not is_pair(model) and model.output == "step" and isinstance(part.X, list):
        results = {name: Sequences.from_list(steps) for name, steps in results.items()}
    per_step = isinstance(results["prediction"], Sequences)
    lengths = results["prediction"].lengths if per_step else np.ones(len(part.X), dtype=np.int64)
    results = {name: np.asarray(rows.values if per_step else rows) for name, rows in results.items()}
    if kind == ".npz":
        ids = _ids(part)[1]
        with _replacing(arguments.output) as file:
            extra = {"lengths": lengths} if per_step else {}
            np.savez(file, **results, **extra, **({} if ids is None else {"ids": np.asarray(ids)}))
        return
    rows = _rows(_places(part, lengths, per_step), results, getattr(model, "classes_", None))
    if arguments.output is None:
        csv.writer(sys.stdout, lineterminator="\n").writerows(rows)
    else:
        with _replacing(arguments.output) as file:
            text = io.TextIOWrapper(file, encoding="utf-8", newline="")
            csv.writer(text, lineterminator="\n").writerows(rows)
            text.detach()


@contextmanager
def _replacing(path):
    from numrnn.io import replacing

    try:
        with replacing(path) as file:
            yield file
    except OSError as error:
        raise UsageError(f"--output {path}: {error.strerror}") from error


def _ids(part):
    """Return the column name and the values of the sequences' identifiers, or (None, None) if there are none."""
    holder = part if hasattr(part, "ids") else part.X
    return getattr(holder, "id_name", None), getattr(holder, "ids", None)


def _places(part, lengths, per_step):
    """Return the names and the rows of the columns that identify a prediction: id, sequence and step (from 0)."""
    name, ids = _ids(part)
    known = [] if ids is None else [name]
    numbers = getattr(part, "rows", None) or range(len(lengths))
    places = [[*([] if ids is None else [ids[i]]), number] for i, number in enumerate(numbers)]
    if not per_step:
        return [*known, "sequence"], places
    return [*known, "sequence", "step"], [[*places[i], t] for i, length in enumerate(lengths) for t in range(length)]


def _rows(places, results, classes):
    names, rows = places
    prediction = results["prediction"].reshape(len(rows), -1)
    width = prediction.shape[1]
    header = names + (["prediction"] if width == 1 else [f"prediction_{k}" for k in range(width)])
    columns = [prediction]
    if "proba" in results:
        header += [f"proba_{label}" for label in classes]
        columns.append(results["proba"])
    yield header
    for place, *values in zip(rows, *columns, strict=True):
        yield [*place, *(value for row in values for value in row)]
