"""``numrnn shard``: write a data set as a directory of shards, for training on more than memory holds."""

from pathlib import Path

from numrnn.cli.arguments import UsageError

__all__ = ["add_parser"]

TABLES = (".csv", ".parquet")


def add_parser(commands):
    """Add the command to the parser's sub-commands."""
    parser = commands.add_parser(
        "shard",
        help="write data as shards, to train on more than memory holds",
        description="Write the sequences of files, one file after another, to a directory of shards: plain .npy files "
        "with an index, which fit, predict and score read a part at a time. Tables have a row for each step.",
    )
    parser.add_argument("data", nargs="+", metavar="FILE", help="a file: .npz, .csv or .parquet (needs pyarrow)")
    parser.add_argument("--output", required=True, metavar="DIR", help="the directory, which must not exist yet")
    parser.add_argument("--shard-size", default="256MB", metavar="SIZE", help="of a shard (default: 256MB)")
    parser.add_argument("--dtype", choices=("float32", "float64"), help="to store (default: .npz as is, else float32)")
    group = parser.add_argument_group("columns of tables (all others are inputs)")
    group.add_argument("--sequence", default="sequence", metavar="COLUMN", help="tells sequences apart")
    group.add_argument("--target", metavar="COLUMN", help="the target")
    group.add_argument("--weight", metavar="COLUMN", help="the sample weight")
    group.add_argument("--step-targets", action="store_true", help="target and weight are of steps, not of sequences")
    parser.set_defaults(run=run)


def run(arguments):
    """Write, and say what."""
    from numrnn.cli.data import describe
    from numrnn.data.readers import read_shards
    from numrnn.data.shard_writer import ShardWriter

    try:
        table = any(Path(name).suffix in TABLES for name in arguments.data)
        dtype = arguments.dtype or ("float32" if table else None)
        with ShardWriter(arguments.output, shard_size=arguments.shard_size, dtype=dtype) as writer:
            test = None
            for name in arguments.data:
                test = _write_file(Path(name), arguments, writer, test)
            if test is not None:
                test.close()
    except OSError as error:
        written = str(Path(arguments.output)) + ".partial-"
        of_output = error.errno is not None and str(error.filename or written).startswith(written)  # a full disk, say
        raise UsageError(f"--output {arguments.output}: {error.strerror}" if of_output else error) from error
    except ImportError as error:
        raise UsageError(error) from error
    for name, part in read_shards(arguments.output)._asdict().items():
        if part is not None:
            print(f"{name}: {describe(part)}, {part.X.dtype}, in {part.X.n_shards} shards")


def _write_file(path, arguments, writer, test):
    """Write a file's sequences; those to test on to a writer of their own, which is returned."""
    from numrnn.data.readers import read_npz
    from numrnn.data.shard_writer import ShardWriter
    from numrnn.data.tables import Columns, read_table

    if path.suffix in TABLES:
        columns = Columns(arguments.sequence, arguments.target, arguments.weight, arguments.step_targets)
        for X, y, weights in read_table(path, columns):
            _write(path, writer, X, y, weights)
        return test
    if path.suffix != ".npz":
        raise UsageError(f"{path}: expected a file .npz, .csv or .parquet")
    data = read_npz(path)
    _write(path, writer, data.train.X, data.train.y)
    if data.test is not None:
        if test is None:
            test = ShardWriter(writer.folder / "test", shard_size=arguments.shard_size, dtype=arguments.dtype)
        _write(path, test, data.test.X, data.test.y)
    return test


def _write(path, writer, *rows):
    try:
        writer.write(*rows)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
