"""Describe the machine and the software that a report's figures come from."""

import importlib
import os
import platform

from threadpoolctl import threadpool_info


def machine(libraries):
    """Return the processor, the number of cores, and the versions of numrnn, its dependencies and `libraries`."""
    blas = sorted({pool["architecture"] for pool in threadpool_info() if pool["internal_api"] == "openblas"})
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "openblas": blas,
        **{name: importlib.import_module(name).__version__ for name in ("numrnn", "numba", "numpy", *libraries)},
    }


def _processor():
    with open("/proc/cpuinfo", encoding="utf-8") as stream:
        names = [line.split(":")[1].strip() for line in stream if line.startswith("model name")]
    return names[0] if names else platform.machine()
