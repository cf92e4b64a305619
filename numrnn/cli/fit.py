"""Run ``numrnn fit``: train on a data set, test, and save the model with a report of the run."""

import argparse
import contextlib
import os
import warnings
from pathlib import Path

from numrnn.cli.data import TARGETS, check_exists, select, why_not
from numrnn.cli.jobs import (
    BATCH_OPTIONS,
    Guard,
    add_batch_options,
    lines_in_batch,
    make_checkpoint,
    make_time_limit,
    run_in_ranks,
)
from numrnn.cli.options import Failure, UsageError, add_parameters, option_of, over_config
from numrnn.cli.presets import SETTINGS, TABLE
from numrnn.cli.tables import column_list, faults_of, say_what_was_left_out
from numrnn.cli.texts import (
    LANGUAGE_MODEL,
    PAIRS,
    TEXT_OPTIONS,
    add_text_options,
    is_text_table,
    make_vocabulary,
    read_texts,
    reads_texts,
)
from numrnn.data.readers.csv_files import listed

__all__ = ["add_parser"]

DEFAULT_SEED = 0

# the options that are not parameters of the estimator
JOB_OPTIONS = ("data", "output", "task", "progress", "mpi", "inputs", "drop", *BATCH_OPTIONS, *TEXT_OPTIONS)
MOST_GRADES = 10  # whole numbers stored as floats are probably classes if at most so many are distinct

# value of the estimators' `verbose` for --progress, --no-progress and no option
VERBOSE = {True: 2, False: False, None: True}


def add_parser(commands):
    """Add the command to the parser's sub-commands."""
    parser = commands.add_parser(
        "fit",
        help="train on a data set, test, and save the model with a report",
        description="Train a recurrent network, test it, and write model.safetensors, history.csv, report.json and "
        "learning_curve.png (with matplotlib) to a directory.",
        epilog=f"Settings for {', '.join(SETTINGS)} were chosen by cross-validation; options override them. "
        "Float targets mean a regression, other targets a classification. If there is one target per step instead of "
        "one per sequence, the model predicts each step. For tables of texts, the default is an LSTM of 50 units with "
        f"early stopping; the task {LANGUAGE_MODEL} has the defaults of RNNLanguageModel, {PAIRS} those of RNNSeq2Seq.",
    )
    # Options that are not given are absent, so that options on the command line can override those of the config file.
    given = {"default": argparse.SUPPRESS}
    text = "name of a bundled data set, file (.npz, .csv, .tsv, text; - for standard input) or shards"
    parser.add_argument("data", nargs="?", metavar="DATA", help=text, **given)
    parser.add_argument("--output", metavar="DIR", help="directory for the results, created if missing", **given)
    parser.add_argument(
        "--config", metavar="JOB.toml", help='file of options, such as cell = "gru"; the command line overrides it'
    )
    tasks = ("classification", "regression", LANGUAGE_MODEL, PAIRS)
    text = "what the model does (default: regression or classification, depending on the targets)"
    parser.add_argument("--task", choices=tasks, help=text, **given)
    text = "input columns of shards (default: all)"
    parser.add_argument("--inputs", metavar="COLUMN,...", type=column_list, help=text, **given)
    parser.add_argument("--drop", metavar="COLUMN,...", type=column_list, help="columns of shards to drop", **given)
    flag = argparse.BooleanOptionalAction
    parser.add_argument("--progress", action=flag, help="show a progress bar (default: in a terminal)", **given)
    parser.add_argument(
        "--scale", action=flag, help="standardise the inputs; the saved model accepts raw inputs", **given
    )
    add_batch_options(parser)
    text = "train with all processes of mpiexec or srun (default: if there are several)"
    parser.add_argument("--mpi", action=flag, help=text, **given)
    add_text_options(parser)
    add_parameters(parser)
    parser.set_defaults(run=lambda arguments: run_in_ranks(run, over_config(parser, arguments)))


def run(options, comm):
    """Train, test and save according to `options`, a dict."""
    with Guard("checkpoint_dir" in options) as guard, contextlib.ExitStack() as stack:
        if options.get("quiet"):
            stack.enter_context(contextlib.redirect_stdout(stack.enter_context(open(os.devnull, "w"))))
        _run(options, guard, comm)


def _run(options, guard, comm):
    missing = [what for name, what in (("data", "DATA"), ("output", "--output")) if name not in options]
    if missing:
        raise UsageError(f"{missing[0]} is missing; pass it: numrnn fit DATA --output DIR")

    from numrnn import warmup
    from numrnn.cli.data import describe, read_data
    from numrnn.cli.report import HistoryFile, history_columns, run_facts
    from numrnn.cli.training_run import Course, Stopwatch, check_memory, has_validation, prepare, train
    from numrnn.estimators.fitting import announcing_compilation

    check_exists(options["data"])
    watch, checkpoint = Stopwatch(), make_checkpoint(options)
    with_texts = reads_texts(options)
    faults = faults_of(options)
    _check_options(options, with_texts, comm)
    data = read_texts(options, faults) if with_texts else _chosen(read_data(options["data"]), options)
    if data.train.y is None and options.get("task") != LANGUAGE_MODEL:
        raise UsageError(f"{options['data']}: there are no targets (y); {TARGETS}")
    has_targets = data.train.y is not None
    parts = {
        name: part for name, part in data._asdict().items() if part is not None and has_targets == (part.y is not None)
    }
    parameters = choose_parameters(options)
    scale = parameters.pop("scale", False)
    # Parameters and data are checked first, so that a mistake is reported before kernels are compiled.
    estimator = make_estimator(parameters, data.train.y, options)
    prepare(estimator, parts)
    if comm.size == 1:
        check_memory(estimator, parts["train"])
    directory = _make_directory(options["output"])
    say_what_was_left_out(faults, directory / "skipped.csv" if comm.rank == 0 else None)
    print("\n".join(f"{name}: {describe(part)}" for name, part in parts.items()))
    print(f"{estimator}{' on standardised inputs' if scale else ''}", flush=True)
    watch.lap("read")
    guard.check()

    both_ways = getattr(estimator, "bidirectional", False)
    kinds = {"cells": [estimator.cell], "dtypes": [estimator.dtype], "symbols": with_texts, "bidirectional": both_ways}
    with announcing_compilation(show=not options.get("quiet")):
        comm.in_turns(lambda: warmup(**kinds))
    print(f"kernels ready after {watch.lap('compile'):.1f} s", flush=True)
    guard.check()

    course = Course()
    history = HistoryFile(
        directory / "history.csv", history_columns(estimator, watched=has_validation(estimator, parts))
    )
    limits = filter(None, [checkpoint, make_time_limit(options)])
    callbacks = [*limits, course, *([history] if comm.rank == 0 else [])]
    with course.tells_faults(), lines_in_batch(options):
        resume = checkpoint.directory if options.get("resume") else None
        train(estimator, parts, callbacks, scale=scale, resume=resume, comm=comm)
        if checkpoint and course.stop_reason == "interrupted":
            raise Failure(f"interrupted; pass --resume to continue from the checkpoints in {checkpoint.directory}")
        stopped = ", ended by --time-limit" if course.stop_reason == "time_limit" else ""
        print(f"{estimator.n_iter_} epochs in {watch.lap('fit'):.1f} s{stopped}")
        facts = {"options": options, "scale": scale, "stop_reason": course.stop_reason}
        facts["run"] = run_facts(estimator, checkpoint, comm)
        if comm.rank == 0:
            _test_and_save(estimator, parts, facts, watch, directory)
    comm.wait_for_all()
    if course.stop_reason == "interrupted":
        raise Failure(f"interrupted; the model trained so far is saved in {directory}")


def _test_and_save(estimator, parts, facts, watch, directory):
    from numrnn.cli.data import describe
    from numrnn.cli.report import as_text, save_results, score
    from numrnn.cli.training_run import is_language_model, watches_test
    from numrnn.versions import versions

    # A language model reads step by step, which takes long for a long text. If there is a test text, only this text is
    # scored.
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
    """Return the estimator's parameters as a dict: presets for the kind of data, overridden by the given options."""
    given = {"random_state": DEFAULT_SEED} | {name: value for name, value in options.items() if name not in JOB_OPTIONS}
    if options.get("task") in (LANGUAGE_MODEL, PAIRS):
        return given
    if reads_texts(options):
        return TABLE | given
    settings = SETTINGS.get(options["data"])
    if settings is None:
        return given
    cell = options.get("cell", next(iter(settings)))
    return {"cell": cell} | settings[cell] | given


def _check_options(options, with_texts, comm):
    """Raise an error if options do not apply to the data or contradict each other."""
    if options.get("quiet") and options.get("progress"):
        raise UsageError("--quiet and --progress cannot be combined; pass one of them")
    if "inputs" in options and "drop" in options:
        raise UsageError("--inputs and --drop cannot be combined; pass one of them")
    if options["data"] == "-" and comm.size > 1:
        raise UsageError("-: several processes cannot share standard input; write it to a file and pass its name")
    if not with_texts and Path(options["data"]).suffix.lower() in (".txt", ".md"):
        raise UsageError(f"{options['data']}: a text file needs --task {LANGUAGE_MODEL}")
    if not with_texts and Path(options["data"]).suffix.lower() == ".parquet":
        raise UsageError(why_not(options["data"], "an .npz file, a table of texts or a directory of shards"))
    wrong = ("scale", "n_symbols", "inputs", "drop") if with_texts else TEXT_OPTIONS
    for name in wrong:
        if name in options:
            kind = "texts" if with_texts else f"these data, only to texts (a .csv file, or --task {LANGUAGE_MODEL})"
            raise UsageError(f"{option_of(name)} does not apply to {kind}; leave it out")


def _chosen(data, options):
    return select(data, options["data"], options.get("inputs"), options.get("drop", ()))


def make_estimator(parameters, y, options):
    """Return the estimator for the task, which by default follows from the targets `y`."""
    import numrnn
    from numrnn.data.sequences import Sequences

    per_step = isinstance(y, Sequences)
    values = y.values if per_step else y
    task = options.get("task") or ("regression" if values.dtype.kind == "f" else "classification")
    kinds = {
        "classification": numrnn.RNNClassifier,
        "regression": numrnn.RNNRegressor,
        LANGUAGE_MODEL: numrnn.RNNLanguageModel,
        PAIRS: numrnn.RNNSeq2Seq,
    }
    kind = kinds[task]
    unknown = sorted(set(parameters) - set(kind().get_params()))
    if unknown:
        raise UsageError(f"{option_of(unknown[0])} does not apply to a {task}; leave it out")
    if "task" not in options and task == "regression":
        _hint_at_classes(values, options)
    if isinstance(parameters.get("class_weight"), dict):
        parameters = parameters | {"class_weight": _by_label(parameters["class_weight"], values)}
    if reads_texts(options):
        parameters = parameters | {"vocabulary": make_vocabulary(options)}
        if task == PAIRS:
            parameters = parameters | {"target_vocabulary": make_vocabulary(options, "target")}
    else:
        parameters = parameters | {"output": "step" if per_step else "sequence"}
    return kind(**parameters, verbose=VERBOSE[options.get("progress")])


def _hint_at_classes(values, options):
    """Warn that targets such as 1.0, 2.0, 3.0 lead to a regression, although they may be classes."""
    import numpy as np

    distinct = np.unique(values)
    if len(distinct) <= MOST_GRADES < len(values) and (distinct % 1 == 0).all():
        way = "pass" if is_text_table(options["data"]) else "store integers or pass"
        warnings.warn(
            f"the targets are {len(distinct)} distinct whole numbers written as floats, which makes this a regression; "
            f"if they are classes, {way} --task classification",
            stacklevel=2,
        )


def _by_label(weights, values):
    """Convert the labels of class weights, which are str, to the type of the targets."""
    labels = {str(label): label for label in set(values.reshape(-1).tolist())}
    unknown = [name for name in weights if name not in labels]
    if unknown:
        known = listed(map(repr, sorted(labels)))
        raise UsageError(f"--class-weight: there is no class {unknown[0]!r:.80}; the classes are {known}")
    return {labels[name]: weight for name, weight in weights.items()}


def _make_directory(name):
    """Create the output directory before training, so that a wrong name is reported early."""
    path = Path(name)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--output {path}: cannot create the directory: {error.strerror}") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise UsageError(f"--output {path}: cannot write to the directory; choose another, or make it writable")
    return path
