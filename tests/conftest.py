"""Set what must be set before Numba and matplotlib are imported."""

import os
import signal
from pathlib import Path

import compiling

CACHE = Path(__file__).parent.parent / ".cache"

# Machine code and figures of the tests stay inside the checkout: no test runs what another checkout compiled.
os.environ["NUMBA_CACHE_DIR"] = str(CACHE / "numba")
os.environ["MPLBACKEND"] = "Agg"

# A script's background processes and their children ignore Ctrl-C, so that tests of it would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)

# No tests in these: they need PyTorch, which may be missing, or are programs for `mpiexec`.
collect_ignore = ["parity/torch_twin.py", "golden/make_golden.py", "golden/make_models.py"]
collect_ignore += ["mpi/resumed.py", "mpi/same_bits.py", "mpi/mistakes.py", "mpi/failing.py"]


def pytest_configure():
    if "NUMRNN_COMPILE_LOG" in os.environ:
        compiling.begin()
