"""Support ``numrnn fit`` in batch jobs: checkpoints, signals, and one log line per epoch."""

import argparse
import logging
import os
import signal
import sys
from contextlib import ExitStack, contextmanager

from numrnn.cli.options import UsageError, names_options, option_of, reads
from numrnn.training.exceptions import RESUBMIT
from numrnn.training.signals import received_by

__all__ = [
    "BATCH_OPTIONS", "Guard", "add_batch_options", "lines_in_batch", "make_checkpoint", "make_time_limit",
    "run_in_ranks",
]  # fmt: skip

BATCH_OPTIONS = ("checkpoint_dir", "checkpoint_every", "checkpoint_keep", "resume", "time_limit", "quiet")


def add_batch_options(parser):
    """Add the options of batch jobs to the parser of ``fit``; the parsed arguments contain only the given options."""
    group = parser.add_argument_group("batch jobs")
    given = {"default": argparse.SUPPRESS}
    group.add_argument("--checkpoint-dir", metavar="DIR", help="directory for checkpoints", **given)
    text = 'time between checkpoints: seconds, 30s, 5min, 2h or "10 epochs" (default: 5min)'
    group.add_argument("--checkpoint-every", metavar="TIME", type=_number_or_text, help=text, **given)
    text = "number of checkpoints to keep (default: 3)"
    group.add_argument("--checkpoint-keep", metavar="N", type=int, help=text, **given)
    flag = argparse.BooleanOptionalAction
    text = "resume from the newest checkpoint in --checkpoint-dir, or start if there is none"
    group.add_argument("--resume", action=flag, help=text, **given)
    text = "seconds after which training ends; the model trained so far is tested and saved (default: no limit)"
    group.add_argument("--time-limit", metavar="SECONDS", type=seconds, help=text, **given)
    group.add_argument("--quiet", action=flag, help="print warnings and errors only", **given)


@reads("a number of seconds above 0")
def seconds(text):
    """Convert a text to a number of seconds."""
    number = float(text)
    if not 0 < number <= sys.float_info.max:
        raise ValueError(text)
    return number


def _number_or_text(text):
    try:
        return float(text)
    except ValueError:
        return text


def make_checkpoint(options):
    """Return the `Checkpoint` callback that the options describe, or None."""
    from numrnn.training import Checkpoint

    if "checkpoint_dir" in options:
        given = {name: options[f"checkpoint_{name}"] for name in ("every", "keep") if f"checkpoint_{name}" in options}
        with names_options("every", "keep", prefix="checkpoint_"):
            return Checkpoint(options["checkpoint_dir"], **given)
    for name in ("checkpoint_every", "checkpoint_keep", "resume"):
        if options.get(name):
            raise UsageError(f"{option_of(name)} needs a directory; pass --checkpoint-dir DIR")
    return None


def make_time_limit(options):
    """Return the `TimeLimit` callback that the options request, or None."""
    from numrnn.training import TimeLimit

    return TimeLimit(options["time_limit"]) if "time_limit" in options else None


class Terminated(SystemExit):
    """Report that a signal ended the command outside of training, when there was nothing to save."""

    def __init__(self, number):
        super().__init__(
            f"{signal.Signals(number).name} arrived outside of training, with nothing to save; submit the job again"
        )
        self.code = RESUBMIT


class Guard:
    """Let SIGTERM and SIGUSR1 end a command that writes checkpoints; during training, `Checkpoint` handles them.

    Parameters
    ----------
    wanted : bool
        Whether the command writes checkpoints. If not, signals keep their default actions.
    """

    def __init__(self, wanted):
        self._numbers = (signal.SIGTERM, signal.SIGUSR1) if wanted else ()
        self._received, self._span = None, ExitStack()

    def __enter__(self):
        self._span.enter_context(received_by(self._receive, self._numbers))
        return self

    def __exit__(self, kind, error, trace):
        self._span.close()
        # The error may be a consequence of the signal, such as that of an interrupted compiler.
        if self._received is not None and isinstance(error, Exception):
            raise Terminated(self._received) from error

    def _receive(self, number, frame):
        self._received = number
        raise Terminated(number)

    def check(self):
        """Raise `Terminated` if a signal has arrived, since a library may have caught the one raised at that time."""
        if self._received is not None:
            raise Terminated(self._received)


@contextmanager
def lines_in_batch(options):
    """Write the package's log, including one line per epoch, to stderr if stderr is not a terminal."""
    logger = logging.getLogger("numrnn")
    if options.get("quiet") or options.get("progress") or sys.stderr.isatty():
        yield
        return
    handler, level = logging.StreamHandler(sys.stderr), logger.level
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


# Environment variables with the number of MPI processes: the first is set by Hydra and Slurm's PMI-2, the second by
# Open MPI.
SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE")


def run_in_ranks(run, options):
    """Call run(options, comm) with a communicator over all MPI processes if there are several or ``--mpi`` is given.

    Only the first process prints. The entry `mpi` is removed from the dict `options`.
    """
    wanted = options.pop("mpi", None)
    if wanted is None:
        wanted = any(os.environ.get(name, "1") not in ("", "1") for name in SIZES)
    if not wanted:
        from numrnn.distributed import SERIAL

        run(options, SERIAL)
        return
    try:
        from numrnn.distributed.mpi import world
    except ImportError as error:
        raise UsageError(f"{error}; or pass --no-mpi to let each process train a model of its own") from error

    comm = world()
    if comm.rank:
        # never restored, so that an error that all processes raise is printed once
        sys.stdout = sys.stderr = open(os.devnull, "w")
    with comm.together():
        run(options, comm)
