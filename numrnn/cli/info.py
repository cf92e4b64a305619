"""Run ``numrnn info``: describe a model, a data set or the installation."""

from pathlib import Path

from numrnn.cli.options import UsageError

__all__ = ["add_parser"]


def add_parser(commands):
    """Add the command to the parser's sub-commands."""
    parser = commands.add_parser(
        "info",
        help="describe a model, a data set or the installation",
        description="Describe a saved model or a data set. Without a name, print the versions that a bug report needs.",
    )
    parser.add_argument("name", nargs="?", metavar="MODEL_OR_DATA", help="model file or directory, or data set")
    parser.add_argument("--verify", action="store_true", help="compare all files of shards with their checksums")
    parser.set_defaults(run=run)


def run(arguments):
    """Print a description of the model, the data set or the installation."""
    from numrnn.cli.data import BUNDLED, is_shards, read_data, read_model

    if arguments.verify:
        _verify(arguments.name)
    if arguments.name is None:
        import numrnn

        numrnn.show_versions()
    elif arguments.name in BUNDLED or Path(arguments.name).suffix.lower() == ".npz" or is_shards(arguments.name):
        print("\n".join(_data_lines(read_data(arguments.name))))
    else:
        print("\n".join(_model_lines(read_model(arguments.name))))


def _verify(name):
    from numrnn.cli.data import is_shards
    from numrnn.data.shards.format import changed_files

    if name is None or not is_shards(name):
        raise UsageError("--verify compares the files of shards with their checksums; pass a directory of shards")
    folders = [folder for folder in (Path(name), Path(name, "test")) if folder.is_dir()]
    found = [changed_files(folder) for folder in folders]
    changed = [str(path) for paths, _ in found for path in paths]
    if changed:
        more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
        found = f"files that do not match their checksums: {', '.join(changed[:5])}{more}"
        raise UsageError(f"{found}; restore them, or write the data set again")
    print(f"{sum(n for _, n in found)} files match their checksums")


def _data_lines(data):
    from numrnn.cli.data import describe
    from numrnn.data.sequences import Sequences

    for name, part in data._asdict().items():
        if part is not None:
            y = part.y
            per = "step" if isinstance(y, Sequences) else "sequence"
            yield f"{name}: {describe(part)}; " + ("no targets" if y is None else f"one target per {per}, {y.dtype}")


def _model_lines(model):
    yield f"{model}"
    for name in ("n_inputs_", "classes_", "n_iter_", "loss_"):
        if hasattr(model, name):
            yield f"{name:22} {getattr(model, name)}"
    for name, array in model.weights_.items():
        yield f"{name:22} {array.dtype} {array.shape}"
    yield f"{'weights in all':22} {sum(array.size for array in model.weights_.values())}"
