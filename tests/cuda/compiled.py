"""Compile the kernels for one kind of GPU (compute capability 9.0) and measure the code, without a GPU.

``python tests/cuda/compiled.py`` prints a table. Of the kernels that exist in many sizes only the largest is compiled,
which needs most registers, unless NUMRNN_CUDA_SIZES=all is in the environment.
"""

import os
import re
import subprocess
import tempfile
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

from numba import cuda, float32, float64, int64, types, uint8
from numba.cuda import dispatcher

from numrnn.kernels.cuda import heads, pooling, rows, updates
from numrnn.kernels.cuda.cells import elman, gru, lstm
from numrnn.kernels.cuda.records import Out, States, Tape, Weights
from numrnn.kernels.cuda.row_order import Walk
from numrnn.kernels.cuda.warps import wide
from numrnn.network.components import CELLS
from numrnn.network.cuda.kernel_choice import NARROW_STEP

CAPABILITY = 9, 0
WIDE_SIZES = (256, 1024)


class Compiled(NamedTuple):
    """Record a kernel's registers per thread, bytes of local memory and of spills, and float64 PTX instructions."""

    registers: int
    local_bytes: int
    spilled_bytes: int
    doubles: int


@contextmanager
def pretended_card():
    """Pretend that there is a GPU, for which Numba compiles the functions that kernels call."""
    from numba.cuda import codegen  # which the simulator lacks

    before = dispatcher.get_current_device, codegen.CUDACodeLibrary._ensure_cc
    dispatcher.get_current_device = lambda: SimpleNamespace(compute_capability=CAPABILITY)
    codegen.CUDACodeLibrary._ensure_cc = lambda library, cc: cc or CAPABILITY
    try:
        yield
    finally:
        dispatcher.get_current_device, codegen.CUDACodeLibrary._ensure_cc = before


def record(kind, *parts):
    """Return the Numba type of a NamedTuple."""
    return types.NamedTuple(parts, kind)


def recurrence(real):
    """Return the signature of the kernels of cells."""
    flat, matrix, cube, integers = real[::1], real[:, ::1], real[:, :, ::1], int64[::1]
    return types.void(
        int64,
        record(Walk, integers, integers, int64, int64),
        record(Weights, matrix, flat, flat),
        record(States, cube, cube, matrix),
        record(Tape, matrix, matrix, matrix),
        record(Out, matrix, matrix, int64),
    )


def kernels(real):
    """Return all kernels with their signatures: name -> (function, signature)."""
    flat, matrix, integers, doubles = real[::1], real[:, ::1], int64[::1], float64[::1]
    table = {
        f"{cell.__name__.rsplit('.', 1)[1]} {kernel.py_func.__name__}": (kernel, recurrence(real))
        for cell in (elman, gru, lstm)
        for kernel in (cell.forward, cell.backward)
    }
    row_record = record(rows.Rows, *[integers] * 4)
    return table | {
        "describe_rows": (rows.describe_rows, types.void(*[integers] * 5, row_record)),
        "read_symbols": (rows.read_symbols, types.void(uint8[::1], int64, integers, integers)),
        "drop_rows": (rows.drop_rows, types.void(integers, integers, int64, float64, int64, flat)),
        "sum_by_symbol": (rows.sum_by_symbol, types.void(integers, integers, matrix, matrix)),
        "row_losses": (
            heads.row_losses,
            types.void(int64, float64, doubles, matrix, integers, uint8[::1], int64, matrix, doubles, doubles),
        ),
        "take_targets": (
            heads.take_targets,
            types.void(integers, uint8[::1], int64, matrix, doubles, integers, uint8[::1], matrix, doubles),
        ),
        "outputs": (heads.outputs, types.void(int64, matrix)),
        "pool": (pooling.pool, types.void(int64, integers, integers, matrix, matrix, int64[:, ::1])),
        "spread": (pooling.spread, types.void(int64, integers, integers, matrix, int64[:, ::1], matrix)),
        "weigh": (
            updates.weigh,
            types.void(float64, flat, types.Array(types.int8, 1, "C"), flat, doubles, float64[:, ::1]),
        ),
        "update": (
            updates.update,
            types.void(
                integers, doubles, float64, float64, int64, *[flat] * 6, float64[:, ::1], float64[:, ::1], integers
            ),
        ),
        "settle": (updates.settle, types.void(integers, float64[:, ::1], integers)),
    }


def sizes_of(every):
    """Return all sizes of a kernel, or the largest alone."""
    return every if os.environ.get("NUMRNN_CUDA_SIZES") == "all" else every[-1:]


def narrow_kernels():
    """Yield the kernels that hold W in registers."""
    for name, cell in CELLS.items():
        module = import_module(f"numrnn.kernels.cuda.warps.{name}")
        for padded in sizes_of(range(NARROW_STEP, cell.most_in_registers + 1, NARROW_STEP)):
            for make in (module.make_forward, module.make_backward):
                kernel, threads = make(padded)
                yield f"{name} {kernel.__name__} {padded}", (kernel, recurrence(float32), (threads, 1))


def wide_kernels():
    """Yield the kernels that spread W over blocks."""
    signature = types.void(*recurrence(float32).args, float32[:, ::1])
    for cell in CELLS:
        for padded in sizes_of(WIDE_SIZES):
            for make in (wide.make_forward, wide.make_backward):
                kernel, threads, _ = make(cell, padded)
                yield f"{cell} {kernel.__name__} {padded}", (kernel, signature, (threads, 1))


def ptx_of(kernel, signature, launch_bounds=None):
    """Return the PTX of a kernel."""
    function = getattr(kernel, "py_func", kernel)
    with pretended_card():
        return cuda.compile_ptx(function, signature, cc=CAPABILITY, launch_bounds=launch_bounds)[0]


def linked(kernel, signature, launch_bounds=None):
    """Build and link a kernel as numba-cuda does; return whether its launch is cooperative, and the cubin."""
    with pretended_card():
        made = dispatcher._Kernel(kernel, signature.args, launch_bounds=launch_bounds)
        return made.cooperative, made.library.get_cubin()


def ptxas():
    """Return the path of the assembler, or None without it (`pip install nvidia-cuda-nvcc` installs it)."""
    import nvidia

    found = [path for root in nvidia.__path__ for path in Path(root).glob("cu*/bin/ptxas")]
    return found[0] if found else None


def compiled(*entry):
    """Compile and assemble a kernel."""
    ptx = ptx_of(*entry)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "kernel.ptx"
        source.write_text(ptx)
        options = "-c", "-v", f"-arch=sm_{CAPABILITY[0]}{CAPABILITY[1]}"
        command = [ptxas(), *options, source, "-o", Path(folder) / "kernel"]
        report = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    stack, stores, loads = (
        int(re.search(rf"(\d+) bytes {what}", report)[1]) for what in ("stack frame", "spill stores", "spill loads")
    )
    doubles = len(re.findall(r"\.f64\s", ptx))
    return Compiled(int(re.search(r"Used (\d+) registers", report)[1]), stack, stores + loads, doubles)


if __name__ == "__main__":
    for real in (float32, float64):
        for name, entry in kernels(real).items():
            print(f"{real!s:8} {name:18}", *compiled(*entry))
    for name, entry in (*narrow_kernels(), *wide_kernels()):
        print(f"float32  {name:18}", *compiled(*entry))
