"""``numrnn fit``: train on a data set, test, and save the model with a report of the run."""

import argparse
import contextlib
import os
from pathlib import Path

from numrnn.cli.arguments import Failure, UsageError, add_parameters
from numrnn.cli.batch import BATCH_OPTIONS, Guard, add_batch_options, lines_in_batch, make_checkpoint
from numrnn.cli.config import over_config
from numrnn.cli.ranks import run_in_ranks
from numrnn.cli.settings import SETTINGS, TABLE
from numrnn.cli.texts import LANGUAGE_MODEL, TEXT_OPTIONS, add_text_options, make_vocabulary, read_texts, reads_texts

__all__ = ["add_parser"]

DEFAULT_SEED = 0

# the options that are no parameters of the estimator
JOB_OPTIONS = ("data", "output", "task", "progress", "mpi", *BATCH_OPTIONS, *TEXT_OPTIONS)

# --progress, --no-progress and neither as the estimators' `verbose`
VERBOSE = {True: 2, False: False, None: True}


def add_parser(commands):
    """Add the command to the parser's sub-commands."""
    parser = commands.add_parser(
        "fit",
        help="train on a data set, test, save the model with a report",
        description="Train a recurrent network, test it, and write model.safetensors, history.csv, report.json and "
        "learning_curve.png (with matplotlib) to a directory.",
        epilog=f"Settings for {', '.join(SETTINGS)} were chosen by cross-validation and hold unless options say "
        "otherwise. Targets that are floats make a regression, others a classification; one target per step instead "
        "of one per sequence makes a prediction for each step. Texts of a .csv file are read by an LSTM of 50 units, "
        f"with early stopping, unless options say otherwise; a {LANGUAGE_MODEL} has the defaults of RNNLanguageModel.",
    )
    # Absent unless given, so that what is given on the command line can be laid over what the config file says.
    given = {"default": argparse.SUPPRESS}
    text = "a bundled data set's name, a file (.npz, .csv, a text), or a directory of shards"
    parser.add_argument("data", nargs="?", metavar="DATA", help=text, **given)
    parser.add_argument("--output", metavar="DIR", help="directory for the results, made if missing", **given)
    parser.add_argument("--config", metavar="JOB.toml", help='read options from a file: cell = "gru"; those given win')
    tasks = ("classification", "regression", LANGUAGE_MODEL)
    parser.add_argument("--task", choices=tasks, help="what the targets are, or a model of a text", **given)
    flag = argparse.BooleanOptionalAction
    parser.add_argument("--progress", action=flag, help="a progress bar (default: on a terminal)", **given)
    parser.add_argument("--scale", action=flag, help="standardise the inputs; the saved model takes raw ones", **given)
    add_batch_options(parser)
    text = "train with all processes that mpiexec or srun started (default: if there are several)"
    parser.add_argument("--mpi", action=flag, help=text, **given)
    add_text_options(parser)
    add_parameters(parser)
    parser.set_defaults(run=lambda arguments: run_in_ranks(run, over_config(parser, arguments)))


def run(options, comm):
    """Train, test and save, as `options` (a dict) say."""
    with Guard("checkpoint_dir" in options) as guard, contextlib.ExitStack() as stack:
        if options.get("quiet"):
            stack.enter_context(contextlib.redirect_stdout(stack.enter_context(open(os.devnull, "w"))))
        _run(options, guard, comm)


def _run(options, guard, comm):
    missing = [name for name in ("data", "output") if name not in options]
    if missing:
        raise UsageError(f"{missing[0]} is missing: numrnn fit DATA --output DIR")

    from numrnn import warmup
    from numrnn.cli.data import describe, read_data
    from numrnn.cli.history import HistoryFile, columns_of
    from numrnn.cli.report import run_facts
    from numrnn.cli.training import Course, Stopwatch, prepare, train, watches_test

    watch, checkpoint = Stopwatch(), make_checkpoint(options)
    with_texts = reads_texts(options)
    _check_options(options, with_texts)
    data = read_texts(options) if with_texts else read_data(options["data"])
    if data.train.y is None and options.get("task") != LANGUAGE_MODEL:
        raise UsageError(f"{options['data']}: there are no targets (y)")
    has_targets = data.train.y is not None
    parts = {
        name: part for name, part in data._asdict().items() if part is not None and has_targets == (part.y is not None)
    }
    parameters = choose_parameters(options)
    scale = parameters.pop("scale", False)
    # Parameters and data are checked first: a mistake shows before the kernels have been compiled for nothing.
    estimator = make_estimator(parameters, data.train.y, options)
    prepare(estimator, parts)
    directory = _make_directory(options["output"])
    print("\n".join(f"{name}: {describe(part)}" for name, part in parts.items()))
    print(f"{estimator}{' on standardised inputs' if scale else ''}", flush=True)
    watch.lap("read")
    guard.check()

    print("kernels (the first run compiles them, ten seconds or so) ... ", end="", flush=True)
    both_ways = getattr(estimator, "bidirectional", False)
    kinds = {"cells": [estimator.cell], "dtypes": [estimator.dtype], "symbols": with_texts, "bidirectional": both_ways}
    kinds["memory_limit"] = estimator.memory_limit is not None
    comm.in_turns(lambda: warmup(**kinds))
    print(f"ready after {watch.lap('compile'):.1f} s", flush=True)
    guard.check()

    course = Course()
    watched = estimator.early_stopping or watches_test(estimator, parts)
    history = HistoryFile(directory / "history.csv", columns_of(estimator, watched=watched))
    callbacks = [*filter(None, [checkpoint]), course, *([history] if comm.rank == 0 else [])]
    with course.tells_faults(), lines_in_batch(options):
        resume = checkpoint.directory if options.get("resume") else None
        train(estimator, parts, callbacks, scale=scale, resume=resume, comm=comm)
        if checkpoint and course.stop_reason == "interrupted":
            raise Failure(f"interrupted; --resume goes on from what is saved in {checkpoint.directory}")
        print(f"{estimator.n_iter_} epochs in {watch.lap('fit'):.1f} s")
        facts = {"options": options, "scale": scale, "stop_reason": course.stop_reason}
        facts["run"] = run_facts(estimator, checkpoint, comm)
        if comm.rank == 0:
            _test_and_save(estimator, parts, facts, watch, directory)
    comm.wait_for_all()
    if course.stop_reason == "interrupted":
        raise Failure(f"interrupted; what was learnt until then is saved in {directory}")


def _test_and_save(estimator, parts, facts, watch, directory):
    from numrnn.cli.data import describe
    from numrnn.cli.report import save_results
    from numrnn.cli.scores import as_text, score
    from numrnn.cli.training import is_language_model, watches_test
    from numrnn.versions import versions

    # A language model reads a text step by step, and the one to train on may be very long.
    scored = list(parts)[-1:] if is_language_model(estimator) else list(parts)
    scores = {name: score(estimator, parts[name]) for name in scored}
    watch.lap("score")
    print("\n".join(as_text(of_part, name, table=name == list(parts)[-1]) for name, of_part in scores.items()))
    facts |= {
        "data": {name: describe(part) for name, part in parts.items()},
        "seed": estimator.random_state,
        "scores": scores,
        "seconds": watch.seconds,
        "versions": versions(),
    }
    watched = "test" if watches_test(estimator, parts) else "validation"
    saved = save_results(directory, estimator, facts, watched=watched)
    print("\nsaved " + "\n      ".join(str(path) for path in saved))


def choose_parameters(options):
    """Parameters by the options given, below them a bundled data set's own, below them the command's."""
    given = {"random_state": DEFAULT_SEED} | {name: value for name, value in options.items() if name not in JOB_OPTIONS}
    if options.get("task") == LANGUAGE_MODEL:
        return given
    if reads_texts(options):
        return TABLE | given
    settings = SETTINGS.get(options["data"], {})
    cell = options.get("cell", next(iter(settings), "elman"))
    return {"cell": cell} | settings.get(cell, {}) | given


def _check_options(options, with_texts):
    """Refuse options that the data have no use for, or that another one contradicts."""
    if options.get("quiet") and options.get("progress"):
        raise UsageError("--quiet and --progress contradict each other: give one of them")
    if not with_texts and Path(options["data"]).suffix == ".txt":
        raise UsageError(f"{options['data']}: a text file needs --task {LANGUAGE_MODEL}")
    wrong = ("scale", "n_symbols") if with_texts else TEXT_OPTIONS
    for name in wrong:
        if name in options:
            kind = "texts" if with_texts else f"these data, only for texts: a .csv file, or --task {LANGUAGE_MODEL}"
            raise UsageError(f"--{name.replace('_', '-')} is no option for {kind}")


def make_estimator(parameters, y, options):
    """The estimator for targets `y`."""
    import numrnn
    from numrnn.data.sequences import Sequences

    per_step = isinstance(y, Sequences)
    if "task" in options:
        task = options["task"]
    else:
        task = "regression" if (y.values if per_step else y).dtype.kind == "f" else "classification"
    kinds = {"classification": numrnn.RNNClassifier, "regression": numrnn.RNNRegressor}
    kind = kinds.get(task, numrnn.RNNLanguageModel)
    unknown = sorted(set(parameters) - set(kind().get_params()))
    if unknown:
        raise UsageError(f"--{unknown[0].replace('_', '-')} is no option for a {task}")
    if reads_texts(options):
        parameters = parameters | {"vocabulary": make_vocabulary(options)}
    else:
        parameters = parameters | {"output": "step" if per_step else "sequence"}
    return kind(**parameters, verbose=VERBOSE[options.get("progress")])


def _make_directory(name):
    """The directory, made before the training rather than after it, so that a wrong name costs no time."""
    path = Path(name)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make the directory {path}: {error.strerror}") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise UsageError(f"cannot write to the directory {path}")
    return path
