"""The data and models a command is asked for."""

from pathlib import Path

from numrnn.cli.arguments import Failure, UsageError

__all__ = ["BUNDLED", "describe", "is_shards", "read_data", "read_model", "read_model_for", "subset"]

BUNDLED = ("japanese_vowels",)


def read_data(name):
    """The bundled data set of this name, or that of an ``.npz`` file or a directory of shards, as a `DataFile`."""
    from numrnn.data.readers import DataFile, Part, read_npz, read_shards

    if name == "japanese_vowels":
        from numrnn.data.sequences import Sequences
        from numrnn.datasets import load_japanese_vowels

        vowels = load_japanese_vowels()
        return DataFile(
            Part(Sequences.from_list(vowels.X_train), vowels.y_train),
            Part(Sequences.from_list(vowels.X_test), vowels.y_test),
        )
    if not Path(name).exists() and Path(name).suffix != ".npz":
        raise UsageError(
            f"{name}: neither an .npz file, nor a directory of shards, nor a bundled data set ({', '.join(BUNDLED)})"
        )
    try:
        return read_shards(name) if Path(name).is_dir() else read_npz(name)
    except OSError as error:
        raise UsageError(error) from error


def is_shards(name):
    """Whether a name is that of a directory of shards."""
    return (Path(name) / "index.json").is_file()


def subset(data, name):
    """The part asked for; None means the part to test on where there is one, else the only part."""
    if name == "test" and data.test is None:
        raise UsageError("the data have no part to test on (values_test, lengths_test)")
    return data.train if name == "train" or data.test is None else data.test


def read_model(name):
    """The estimator saved in a file, or in the directory that `fit` wrote."""
    import numrnn

    path = Path(name)
    path = path / "model.safetensors" if path.is_dir() else path
    if not path.is_file():
        raise UsageError(f"{path}: no such model")
    return numrnn.load(path)


def read_model_for(arguments):
    """The estimator that a command is to compute with: where it is told to, or else where the model was trained."""
    from numrnn.gpu.device import check_device

    model = read_model(arguments.model)
    model.set_params(device=arguments.device or model.device)
    try:
        check_device(model.device)
    except (ImportError, RuntimeError) as error:
        hint = "" if arguments.device else "; the model was trained on a GPU, --device cpu computes without one"
        raise Failure(f"{error}{hint}") from error
    return model


def describe(part):
    """The size of a part in words."""
    if isinstance(part.X, str):
        return f"a text of {len(part.X)} characters"
    if isinstance(part.X, list):
        lengths = list(map(len, part.X))
        return f"{len(part.X)} texts of {min(lengths)} to {max(lengths)} characters"
    lengths = part.X.lengths
    steps = f"{lengths.min()} to {lengths.max()} steps" if lengths.min() < lengths.max() else f"{lengths[0]} steps"
    inputs = part.X.shape[2] if len(part.X.shape) == 3 else 1
    return f"{len(part.X)} sequences of {steps}, {inputs} input{'s' if inputs > 1 else ''} a step"
