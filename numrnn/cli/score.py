"""``numrnn score``: how good a saved model is on a data set."""

__all__ = ["add_parser"]


def add_parser(commands):
    """Add the command to the parser's sub-commands."""
    parser = commands.add_parser(
        "score",
        help="score a saved model",
        description="Compare a saved model's predictions with the targets of a data set (of its test part, if any).",
    )
    parser.add_argument("model", metavar="MODEL", help="a model file, or the directory that fit wrote")
    parser.add_argument("data", metavar="DATA", help="a bundled data set's name or an .npz file")
    parser.add_argument("--subset", choices=("train", "test"), help="which part (default: test, if there is one)")
    parser.add_argument("--json", action="store_true", help="all scores as JSON, those of each class too")
    parser.set_defaults(run=run)


def run(arguments):
    """Predict, compare, print."""
    from numrnn.cli.arguments import UsageError
    from numrnn.cli.data import read_data, read_model, subset
    from numrnn.cli.report import as_json
    from numrnn.cli.scores import as_text, score

    model = read_model(arguments.model)
    data = read_data(arguments.data)
    part = subset(data, arguments.subset)
    if part.y is None:
        raise UsageError(f"{arguments.data}: there are no targets (y) to score against")
    scores = score(model, part)
    name = "test" if part is data.test else "train"
    print(as_json(scores) if arguments.json else as_text(scores, name))
