"""Measure the start of a process: import, help, and the first fit with and without compiled kernels."""

import os
import subprocess
import sys
import tempfile
import time

from .common import values_of

HELP = """
import contextlib, io
from numrnn.cli import main
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    main(["--help"])
"""
FIRST_FIT = """
from numrnn import RNNClassifier
from numrnn.datasets import load_japanese_vowels
vowels = load_japanese_vowels()
RNNClassifier((64,), cell="gru", max_iter=1).fit(vowels.X_train, vowels.y_train)
"""


def run_seconds(code, cache):
    """Return the wall time of a new interpreter that runs `code` and keeps compiled kernels in the folder `cache`."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"NUMBA_CACHE_DIR": cache})
    return time.perf_counter() - start


class Import:
    """Time imports and the help of the command line.

    asv runs the code that each method returns in a new interpreter.
    """

    def timeraw_import(self):
        return "import numrnn"

    def timeraw_import_classifier(self):
        return "from numrnn import RNNClassifier"

    def timeraw_command_line_help(self):
        return HELP


class FirstFit:
    """Track the time of a process that fits once: import, data, compilation or cached kernels, and one epoch."""

    params = values_of(["cold", "warm"])
    param_names = ["cache"]

    def track_first_fit(self, cache):
        with tempfile.TemporaryDirectory() as folder:
            if cache == "warm":
                run_seconds(FIRST_FIT, folder)
            return run_seconds(FIRST_FIT, folder)

    track_first_fit.unit = "s"
