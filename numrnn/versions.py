"""Collect the versions and machine facts that a bug report needs."""

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

__all__ = ["show_versions", "versions"]

NEEDED = ("numba", "llvmlite", "numpy", "scipy", "scikit-learn", "regex", "safetensors", "tqdm")
OPTIONAL = ("matplotlib", "pandas", "torch", "mpi4py", "numba-cuda", "cupy-cuda13x", "onnx")


def versions():
    """Return the versions of numrnn, Python and related packages, and facts about the machine, as a dict of str."""
    from llvmlite.binding import get_host_cpu_features, get_host_cpu_name

    from numrnn import __version__
    from numrnn.network.cuda.device import facts

    vectors = [name for name in ("avx512f", "avx2", "fma", "neon", "sve") if get_host_cpu_features().get(name)]
    settings = {key: value for key, value in sorted(os.environ.items()) if key.startswith("NUMBA_")}
    return {
        "numrnn": __version__,
        "python": sys.version.replace("\n", " "),
        "executable": sys.executable,
        "machine": platform.platform(),
        "processor": f"{get_host_cpu_name()} ({' '.join(vectors)})",
        "processors usable": str(_n_processors()),
        **facts(),
        **{name: _version(name) for name in (*NEEDED, *OPTIONAL)},
        **settings,
    }


def show_versions() -> None:
    """Print the versions of numrnn, Python and related packages for a bug report.

    Examples
    --------
    >>> from numrnn import show_versions
    >>> show_versions()
    numrnn             0.1.0
    python             3...
    """
    found = versions()
    width = max(map(len, found)) + 2
    sys.stdout.writelines(f"{name:<{width}}{value}\n" for name, value in found.items())


def _version(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _n_processors():
    # A batch system or a container may limit the process to fewer processors than the machine has.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
