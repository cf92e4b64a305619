"""Run ``numrnn shard``: write a data set that may exceed memory as a directory of shards."""

from pathlib import Path

from numrnn.cli.data import why_not
from numrnn.cli.options import UsageError, names_options
from numrnn.cli.tables import add_format_options, column_list, faults_of, form_of, say_what_was_left_out
from numrnn.cli.texts import names_lines
from numrnn.io.messages import InputError

__all__ = ["add_parser"]


def add_parser(commands):
    """Add the command to the parser's sub-commands."""
    parser = commands.add_parser(
        "shard",
        help="write data as shards, to train on data that exceed memory",
        description="Write the sequences of files to a directory of shards: plain .npy files with an index, which fit, "
        "predict and score read piece by piece. Tables have one row per step; columns are matched by name, not by "
        "their order in the files.",
    )
    text = ".npz, .csv or .tsv file (the latter two also with .gz), .parquet (needs pyarrow), or - for standard input"
    parser.add_argument("data", nargs="+", metavar="FILE", help=text)
    parser.add_argument("--output", required=True, metavar="DIR", help="directory to create; it must not exist")
    parser.add_argument("--shard-size", default="256MB", metavar="SIZE", help="size of a shard (default: 256MB)")
    parser.add_argument(
        "--dtype", choices=("float32", "float64"), help="precision to store (default: that of .npz files, else float32)"
    )
    group = parser.add_argument_group("columns of tables (all others are inputs)")
    group.add_argument(
        "--sequence", default="sequence", metavar="COLUMN", help="column that identifies sequences (default: sequence)"
    )
    group.add_argument("--target", metavar="COLUMN", help="column of targets")
    text = "kind of targets (default: inferred from the cells)"
    group.add_argument("--task", choices=("classification", "regression"), help=text)
    group.add_argument("--weight", metavar="COLUMN", help="column of sample weights")
    group.add_argument(
        "--step-targets", action="store_true", help="one target and weight per step instead of per sequence"
    )
    text = "column of identifiers, which numrnn predict writes with the predictions"
    group.add_argument("--id", metavar="COLUMN", help=text)
    group.add_argument("--inputs", metavar="COLUMN,...", type=column_list, help="input columns (default: all others)")
    group.add_argument("--drop", metavar="COLUMN,...", type=column_list, default=(), help="columns to leave out")
    add_format_options(parser, "sequences")
    parser.set_defaults(run=run)


def run(arguments):
    """Write the shards and print what was written."""
    from numrnn.cli.data import counted, describe
    from numrnn.data.readers.npz import read_shards
    from numrnn.data.shards.writer import ShardWriter

    if arguments.inputs is not None and arguments.drop:
        raise UsageError("--inputs and --drop cannot be combined; pass one of them")
    dtype = arguments.dtype or ("float32" if any(map(is_step_table, arguments.data)) else None)
    job = _Job(arguments, dtype)
    try:
        with (
            names_options("shard_size"),
            ShardWriter(arguments.output, shard_size=arguments.shard_size, dtype=dtype) as writer,
        ):
            writer.id_name = arguments.id
            job.survey()
            job.write(writer)
    except OSError as error:
        written = str(Path(arguments.output)) + ".partial-"
        of_output = error.errno is not None and str(error.filename or written).startswith(written)  # a full disk, say
        name = f"--output {arguments.output}" if of_output else error.filename
        raise UsageError(f"{name}: {error.strerror}" if name and error.strerror else error) from error
    except ImportError as error:
        raise UsageError(error) from error
    path = Path(arguments.output, "skipped.csv")
    say_what_was_left_out(job.faults, path, "sequences")
    for name, part in read_shards(arguments.output)._asdict().items():
        if part is not None:
            print(f"{name}: {describe(part)}, {part.X.dtype}, in {counted(part.X.n_shards, 'shard')}")


def is_step_table(name):
    """Return whether a file is a table with one row per step."""
    from numrnn.data.readers.csv_files import suffix_of

    return suffix_of(name) in (".csv", ".tsv", ".parquet")


class _Job:
    """Hold the options and the state that all files of a command share."""

    def __init__(self, arguments, dtype):
        import numpy as np

        from numrnn.data.readers.tables import Columns, Wanted

        options = vars(arguments)
        self._arguments, self._form, self.faults = arguments, form_of(options), faults_of(options)
        self._written = 0
        self._columns = Columns(
            *(options[name] for name in ("sequence", "target", "weight", "step_targets", "id", "inputs", "drop")),
            na=options.get("na", ()),
        )
        largest = float("inf") if dtype is None else float(np.finfo(dtype).max)
        self._wanted = Wanted(largest, "f" if arguments.task == "regression" else None)
        self._look = {"seen": {}, "faults": self.faults, "target": self._new_target()}

    def _new_target(self):
        from numrnn.data.readers.target_column import TargetColumn

        return None if self._arguments.target is None else TargetColumn(self._arguments.target, self._arguments.task)

    def survey(self):
        """Read all tables once before anything is written, if sequences with faults are to be skipped.

        Two faults show only after all rows have been read: a sequence whose rows are in two places, and a target that
        is not a number although the others of its column are. Standard input cannot be read twice; there, these two
        faults raise errors.
        """
        from numrnn.data.readers.csv_files import is_stdin
        from numrnn.data.readers.faults import Faults
        from numrnn.data.readers.tables import read_step_table

        if not self.faults.tolerant or any(map(is_stdin, self._arguments.data)):
            return
        look = {"seen": {}, "faults": Faults(tolerant=True), "target": self._new_target()}
        wanted = self._wanted._replace(repeated=set())
        for name in self._arguments.data:
            if is_step_table(name):
                for _ in read_step_table(Path(name), self._columns, self._form, **look, wanted=wanted):
                    pass
            elif look["target"] is not None:
                self._read_npz(name, look["target"])
        try:
            targets = look["target"] and look["target"].kind() and wanted.targets
        except ValueError:
            targets = "f"
        self._wanted = wanted._replace(targets=targets)

    def write(self, writer):
        """Write the sequences of all files, and then convert the targets, whose type depends on all of them."""
        from numrnn.data.readers.csv_files import suffix_of

        test, target = None, self._look["target"]
        for name in self._arguments.data:
            test = self._write_file(name, writer, test)
        if not self._written and (self.faults.absent or len(self.faults)):
            why = self.faults.summary() if len(self.faults) else "no sequence has a target"
            raise UsageError(f"no sequences are left to write: {why}")
        has_types = all(suffix_of(name) in (".npz", ".parquet") for name in self._arguments.data)
        if target is not None and not (has_types and self._arguments.task is None):
            for each in filter(None, (writer, test)):
                each.convert_targets(target.convert)
        if test is not None:
            test.close()

    def _read_npz(self, name, target):
        from numrnn.data.readers.csv_files import suffix_of
        from numrnn.data.readers.npz import read_npz

        if suffix_of(name) != ".npz":
            raise UsageError(why_not(name, "an .npz, .csv, .tsv or .parquet file"))
        data = read_npz(name)
        if target is not None and data.train.y is not None:
            target.look_at_typed(getattr(data.train.y, "values", data.train.y))
        return data

    def _write_file(self, name, writer, test):
        """Write the sequences of a file; return the writer of the test set, or None if there is no test set yet."""
        from numrnn.data.readers.tables import read_step_table
        from numrnn.data.shards.writer import ShardWriter

        if is_step_table(name):
            for rows in read_step_table(Path(name), self._columns, self._form, **self._look, wanted=self._wanted):
                self._written += len(rows.X)
                _write(name, writer, *rows[:3], ids=rows.ids)
            return test
        data = self._read_npz(name, self._look["target"])
        self._written += len(data.train.X)
        with names_lines(data.train):
            writer.write(data.train.X, data.train.y)
        if data.test is not None:
            if test is None:
                size, dtype = self._arguments.shard_size, self._arguments.dtype
                test = ShardWriter(writer.folder / "test", shard_size=size, dtype=dtype)
            with names_lines(data.test):
                test.write(data.test.X, data.test.y)
        return test


def _write(name, writer, *rows, ids=None):
    try:
        writer.write(*rows, ids=ids)
    except ValueError as error:
        is_whole = isinstance(error, InputError) and (error.parameter, error.index) == ("X", ())
        raise ValueError(error.at(name) if is_whole else f"{name}: {error}") from error
