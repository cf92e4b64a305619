"""What a process pays before it does useful work: import, help, and the first fit with and without compiled kernels."""

import os
import subprocess
import sys
import tempfile
import time

FIRST_FIT = """
from numrnn import RNNClassifier
from numrnn.datasets import load_japanese_vowels
vowels = load_japanese_vowels()
RNNClassifier((64,), cell={cell!r}, max_iter=1).fit(vowels.X_train, vowels.y_train)
"""


def run_seconds(code, cache):
    """Wall time of a new interpreter that runs `code` with its kernels kept in the folder `cache`."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"NUMBA_CACHE_DIR": cache})
    return time.perf_counter() - start


class Import:
    """asv runs the code that these give in an interpreter of its own."""

    def timeraw_import(self):
        return "import numrnn"

    def timeraw_import_classifier(self):
        return "from numrnn import RNNClassifier"

    def timeraw_command_line_help(self):
        return "import contextlib, numrnn.cli\nwith contextlib.suppress(SystemExit): numrnn.cli.main(['--help'])"


class FirstFit:
    """A whole process that fits once: import, data, compilation or its cache, one epoch."""

    params = [["elman", "gru", "lstm"], ["cold", "warm"]]
    param_names = ["cell", "cache"]

    def track_first_fit(self, cell, cache):
        code = FIRST_FIT.format(cell=cell)
        with tempfile.TemporaryDirectory() as folder:
            if cache == "warm":
                run_seconds(code, folder)
            return run_seconds(code, folder)

    track_first_fit.unit = "s"
