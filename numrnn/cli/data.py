"""Read the data and models that a command names."""

from pathlib import Path

from numrnn.cli.options import Failure, UsageError
from numrnn.data.readers.csv_files import listed

__all__ = [
    "BUNDLED", "check_exists", "counted", "describe", "is_shards", "read_data", "read_model", "read_model_for",
    "select", "subset", "why_not",
]  # fmt: skip

BUNDLED = ("japanese_vowels",)
STEPS = "convert a table with one row per step to shards first: numrnn shard FILE --sequence COLUMN --output DIR"
TARGETS = "add an array y to an .npz file, or write shards with --target COLUMN"
WAYS = {  # advice for files of the wrong kind, by suffix
    ".npy": "an .npy file is a single array; write an .npz file with numpy.savez(FILE, values=..., lengths=...)",
    ".parquet": STEPS,
    ".csv": f"{STEPS}; for a table of texts, pass --text COLUMN",
    ".txt": "for a text file, pass --task language-model",
    ".safetensors": "it is a model, not data",
}
WAYS |= {".tsv": WAYS[".csv"], ".md": WAYS[".txt"]}


def why_not(name, expected):
    """Return the message for a file of an unexpected kind, with advice."""
    from numrnn.data.readers.csv_files import suffix_of

    way = WAYS.get(suffix_of(name))
    return f"{name}: expected {expected}" + ("" if way is None else f"; {way}")


def check_exists(name):
    """Raise an error if a name has the suffix of a data file, but there is no such file."""
    from numrnn.data.readers.csv_files import is_stdin, suffix_of

    if not (is_stdin(name) or Path(name).exists()) and suffix_of(name) in (*WAYS, ".npz"):
        raise UsageError(f"{name}: no such file")


def read_data(name):
    """Return a bundled data set, an ``.npz`` file or a directory of shards as a `DataFile`."""
    import zipfile

    from numrnn.data.readers.npz import DataFile, Part, read_npz, read_shards

    if name == "japanese_vowels":
        from numrnn.data.sequences import Sequences
        from numrnn.datasets import load_japanese_vowels

        vowels = load_japanese_vowels()
        return DataFile(
            Part(Sequences.from_list(vowels.X_train), vowels.y_train, path=name, names=("X_train", "y_train")),
            Part(Sequences.from_list(vowels.X_test), vowels.y_test, path=name, names=("X_test", "y_test")),
        )
    path = Path(name)
    if not path.exists() and path.suffix.lower() != ".npz":
        raise UsageError(
            f"{name}: there is no such file or directory; pass an .npz file, a directory of shards or the name of a "
            f"bundled data set ({', '.join(BUNDLED)})"
        )
    if path.is_file() and path.suffix.lower() != ".npz" and not zipfile.is_zipfile(path):
        raise UsageError(why_not(name, "an .npz file, a directory of shards or the name of a bundled data set"))
    try:
        return read_shards(name) if Path(name).is_dir() else read_npz(name)
    except OSError as error:
        raise UsageError(error) from error


def select(data, name, inputs, drop):
    """Return the data with only the requested input columns; raise an error for data without names of columns."""
    from numrnn.data.shards.sequences import ShardedSequences

    if inputs is None and not drop:
        return data
    known = data.train.X.names if isinstance(data.train.X, ShardedSequences) else None
    option = "--drop" if inputs is None else "--inputs"
    if known is None:
        way = f"leave {option} out, or write shards of a table whose first line has the names"
        raise UsageError(f"{option}: {name} has no names of columns; {way}")
    unknown = [column for column in (inputs or drop) if column not in known]
    if unknown:
        raise UsageError(f"{name}: there is no column {unknown[0]!r:.80}; the columns are {listed(known)}")
    kept = tuple(inputs or [column for column in known if column not in drop])
    if not kept or len(set(kept)) < len(kept):
        expected = "leave at least one column as an input, and name each column once"
        raise UsageError(f"{option}={listed(inputs or drop)}: must {expected}; the columns are {listed(known)}")
    parts = {of: part and part._replace(X=part.X.of_columns(kept, name)) for of, part in data._asdict().items()}
    return data._replace(**parts)


def is_shards(name):
    """Return whether a name refers to a directory of shards."""
    return (Path(name) / "index.json").is_file()


def subset(data, name):
    """Return the requested subset; None means the test set or, if there is no test set, the training set."""
    if name == "test" and data.test is None:
        way = "pass --subset train, or data with arrays values_test and lengths_test"
        raise UsageError(f"--subset test: the data have no test set; {way}")
    return data.train if name == "train" or data.test is None else data.test


def read_model(name):
    """Load the estimator from a model file or from the output directory of ``numrnn fit``."""
    import numrnn
    from numrnn.data.readers.csv_files import suffix_of

    path = Path(name)
    path = path / "model.safetensors" if path.is_dir() else path
    if not path.is_file():
        raise UsageError(f"{path}: no such model; pass a model file, or the output directory of numrnn fit")
    if suffix_of(path) in (".csv", ".md", ".npy", ".npz", ".parquet", ".tsv", ".txt"):
        raise UsageError(f"{path}: expected a model file, or the output directory of numrnn fit")
    return numrnn.load(path)


def read_model_for(arguments):
    """Load the estimator, set to compute on the requested device or, by default, on the one that trained it."""
    from numrnn.network.cuda.device import check_device

    model = read_model(arguments.model)
    model.set_params(device=arguments.device or model.device)
    try:
        check_device(model.device)
    except (ImportError, RuntimeError) as error:
        hint = "" if arguments.device else "; the model was trained on a GPU: pass --device cpu to compute without one"
        raise Failure(f"{error}{hint}") from error
    return model


def describe(part):
    """Return a str that states the size of a subset."""
    if isinstance(part.X, str):
        return f"a text of {counted(len(part.X), 'character')}"
    if isinstance(part.X, list):
        lengths = list(map(len, part.X))
        return f"{counted(len(lengths), 'text')} of {_span(min(lengths), max(lengths), 'character')}"
    lengths = part.X.lengths
    steps = _span(int(lengths.min()), int(lengths.max()), "step")
    inputs = part.X.shape[2] if len(part.X.shape) == 3 else 1
    return f"{counted(len(lengths), 'sequence')} of {steps}, {counted(inputs, 'input')} a step"


def counted(number, noun):
    """Return a number with its noun, which is in the plural if the number is not 1.

    Examples
    --------
    >>> from numrnn.cli.data import counted
    >>> counted(1, "text"), counted(2, "text")
    ('1 text', '2 texts')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _span(least, most, noun):
    return counted(most, noun) if least == most else f"{least} to {counted(most, noun)}"
