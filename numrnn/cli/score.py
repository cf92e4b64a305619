"""Run ``numrnn score``: evaluate a saved model on a data set."""

from numrnn.cli.options import add_device_option
from numrnn.cli.tables import faults_of, say_what_was_left_out
from numrnn.cli.texts import add_column_options

__all__ = ["add_parser"]


def add_parser(commands):
    """Add the command to the parser's sub-commands."""
    parser = commands.add_parser(
        "score",
        help="score a saved model",
        description="Compare a saved model's predictions with the targets of a data set (of its test set, if any).",
    )
    parser.add_argument("model", metavar="MODEL", help="model file, or output directory of numrnn fit")
    parser.add_argument(
        "data", metavar="DATA", help="name of a bundled data set, file (.npz, .csv, text) or directory of shards"
    )
    add_column_options(parser, "text", "target")
    parser.add_argument(
        "--subset", choices=("train", "test"), help="subset of the data (default: test, if there is one)"
    )
    add_device_option(parser)
    parser.add_argument("--json", action="store_true", help="print all scores, also those of each class, as JSON")
    parser.set_defaults(run=run)


def run(arguments):
    """Predict, compare with the targets and print the scores."""
    from numrnn.cli.data import TARGETS, read_model_for, subset
    from numrnn.cli.options import UsageError
    from numrnn.cli.report import as_json, as_text, score
    from numrnn.cli.texts import names_lines, read_for
    from numrnn.cli.training_run import is_language_model

    model = read_model_for(arguments)
    faults = faults_of(vars(arguments))
    data = read_for(model, arguments, faults)
    say_what_was_left_out(faults, None)
    part = subset(data, arguments.subset)
    if part.y is None and not is_language_model(model):
        raise UsageError(f"{arguments.data}: there are no targets (y) to score against; {TARGETS}")
    with names_lines(part, arguments.data):
        scores = score(model, part)
    name = "test" if part is data.test else "train"
    name = arguments.data if isinstance(part.X, (str, list)) else name
    print(as_json(scores) if arguments.json else as_text(scores, name))
