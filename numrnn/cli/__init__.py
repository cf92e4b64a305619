"""Run the command line: ``numrnn fit | predict | score | generate | shard | info | warmup``.

When imported, the modules of the commands import only the standard library; each command imports other packages when it
runs. Hence ``numrnn --help`` responds immediately.
"""

import atexit
import gc
import os
import sys
import warnings

from numrnn import __version__
from numrnn.cli import fit, generate, info, predict, score, shard, warmup
from numrnn.cli.options import Failure, Parser, UsageError
from numrnn.cli.terminal import printable, safe_output
from numrnn.io.messages import shortened
from numrnn.training.exceptions import RESUBMIT

__all__ = ["main"]

COMMANDS = (fit, predict, score, generate, shard, info, warmup)


def main(argv=None):
    """Run one command and return its exit status.

    Parameters
    ----------
    argv : list of str or None, default=None
        Arguments of the command; None means the arguments of the process.

    Returns
    -------
    code : int
        0 for success, 2 for wrong usage or input, 1 for other failures, and 75 if SIGTERM or SIGUSR1 ended a fit that
        writes checkpoints. Errors are printed to stderr as one line.
    """
    if argv is None:
        # Without freeze, Python's garbage collection at exit would take a second to scan the objects of the compiler. A
        # job that is about to be killed may not have a second.
        atexit.register(gc.freeze)
        argv = sys.argv[1:]
    try:
        arguments = _parser().parse_args(argv)
        with safe_output(), warnings.catch_warnings():
            warnings.showwarning = _show_warning
            arguments.run(arguments)
            sys.stdout.flush()
    except BrokenPipeError:
        # The process that reads the output (such as `head`) has ended: print no error, and prevent Python from writing
        # to the closed pipe at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return _failed("interrupted", 1)
    except (UsageError, ValueError, TypeError) as error:
        return _failed(error, 2)
    except Failure as error:
        return _failed(error, 1)
    except SystemExit as stop:
        if stop.code != RESUBMIT:
            raise
        return _failed(stop, RESUBMIT)
    except Exception as error:
        return _failed(f"{type(error).__name__}: {error}", 1)
    return 0


def _parser():
    parser = Parser(
        prog="numrnn",
        description="Train and apply recurrent neural networks for sequences.",
        epilog="'numrnn COMMAND --help' lists the options of a command. NUMRNN_TRACEBACK=1 prints tracebacks.",
    )
    parser.add_argument("--version", action="version", version=f"numrnn {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(commands)
    return parser


def _show_warning(message, *_args, **_kwargs):
    print(f"numrnn: warning: {_one_line(message)}", file=sys.stderr)


def _failed(error, code):
    if os.environ.get("NUMRNN_TRACEBACK"):
        raise
    print(f"numrnn: error: {_one_line(error)}", file=sys.stderr)
    return code


def _one_line(message):
    return printable(shortened(" ".join(str(message).split())))
