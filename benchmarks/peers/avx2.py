"""Compare training steps of kernels compiled for AVX2 with sgemm of an OpenBLAS limited to AVX2.

Numba and OpenBLAS read the environment when they are loaded, so the section runs this file in a process of its own.
"""

import json
import os
import subprocess
import sys

from llvmlite import binding
from measure import Figure, Options, Table, interleaved

TARGET = 0.8
BEYOND = ("avx512", "avx10", "amx", "evex", "avx5")  # what a processor without AVX-512 lacks


def environment():
    """Return the variables that make Numba compile for AVX2 on this host and OpenBLAS use its AVX2 kernels."""
    host = binding.get_host_cpu_features()
    if not host.get("avx2"):
        raise SystemExit("the avx2 section needs a processor with AVX2")
    features = [f"+{name}" for name, on in sorted(host.items()) if on and not name.startswith(BEYOND)]
    return {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": ",".join(features), "OPENBLAS_CORETYPE": "Haswell"}


def run(options):
    """Measure a row for each cell and shape, in a process that cannot use AVX-512."""
    command = [sys.executable, __file__, json.dumps(options._asdict())]
    result = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, env=os.environ | environment())
    *lines, rows = result.stdout.splitlines()
    print("\n".join(lines), flush=True)
    return json.loads(rows)


def _measure(options):
    from limits import SGEMM_OPERATIONS, sgemm_run
    from numrnn_side import NumrnnSide
    from problem import Problem, chosen
    from threadpoolctl import threadpool_info, threadpool_limits

    from numrnn.kernels.cpu.micro_kernel import VECTOR_BYTES

    kernels = {pool["architecture"] for pool in threadpool_info() if pool["internal_api"] == "openblas"}
    if VECTOR_BYTES != 32 or kernels != {"Haswell"}:
        raise SystemExit(f"not AVX2: vectors of {VECTOR_BYTES} bytes, OpenBLAS {kernels}")
    columns = ["cell", "B, T, D, H", "numrnn ms", "GFLOP/s", "sgemm", "of sgemm"]
    table = Table("AVX2: OPENBLAS_CORETYPE=Haswell, NUMBA_CPU_NAME=haswell", columns)
    with threadpool_limits(options.threads):
        for cell, shape in chosen(options):
            problem = Problem(cell, shape)
            runs = {"numrnn": NumrnnSide(problem, options.threads).train, "sgemm": sgemm_run()}
            times = interleaved(runs, options.repeats)
            rate, sgemm = problem.operations / times["numrnn"], SGEMM_OPERATIONS / times["sgemm"]
            table.add(
                [*problem.title(), 1e3 * times["numrnn"], f"{rate / 1e9:.0f}", f"{sgemm / 1e9:.0f}"],
                [Figure("fraction_of_sgemm", rate / sgemm, TARGET)],
                cell=cell,
                shape=shape,
                seconds=times,
            )
    return table.rows


if __name__ == "__main__":
    print(json.dumps(_measure(Options(**json.loads(sys.argv[1])))))
