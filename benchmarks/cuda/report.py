"""``python benchmarks/cuda/report.py``: everything that only a card can show, written to docs/design/cuda_report.rst.

Tests on the card, parity with the CPU, the same bits in 20 runs, compute-sanitizer, times beside cuDNN. Without a card
the page is written with empty cells, which say so. Needs ``pip install 'numrnn[cuda]' torch``; compute-sanitizer comes
with NVIDIA's toolkit.
"""

import datetime
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from steps import CELLS, SHAPES, STEPS, numrnn_times, torch_times, trained

from numrnn.gpu.device import check_device
from numrnn.versions import versions

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "design" / "cuda_report.rst"
EMPTY = "not measured: no GPU"
RUNS = 20
PARITY = [(3, 2, 1), (7, 3, 33), (32, 8, 32), (32, 16, 64), (32, 32, 128), (64, 64, 256)]  # (B, D, H)
VERSIONS = "GPU", "GPU driver", "numrnn", "numba", "numba-cuda", "cupy-cuda13x", "torch"


def main():
    """Measure, and write the page."""
    if sys.argv[1:] == ["--steps"]:  # what compute-sanitizer watches
        for cell in CELLS:
            for shape in PARITY:
                trained(cell, *shape, "cuda", 2)
        return
    try:
        check_device("cuda")
        measured = True
    except (ImportError, RuntimeError) as error:
        print(f"{error}: the report has empty cells", file=sys.stderr)
        measured = False
    PAGE.write_text("\n".join(_page(measured)) + "\n")
    print(PAGE)


def _page(measured):
    yield from _title("What a card shows", "=")
    yield "Written by ``python benchmarks/cuda/report.py``. " + (
        f"Measured on {datetime.date.today()}." if measured else "**No figure here is measured yet: there was no GPU.**"
    )
    yield from ["", "What runs there, and why, is in :doc:`cuda`.", ""]
    known = versions() if measured else {}
    yield from _table("Card and versions", ["what", "which"], [[name, known.get(name, EMPTY)] for name in VERSIONS])
    checks = _checks() if measured else [EMPTY] * 4
    names = "``pytest tests/cuda``", f"the same bits in {RUNS} runs", "memcheck", "racecheck"
    yield from _table("Checks", ["check", "result"], zip(names, checks, strict=True))
    rows = [[cell, *map(str, shape), *_cells(measured, 2, _parity, cell, shape)] for cell in CELLS for shape in PARITY]
    title = "The card against the CPU: largest error of 20 losses and of the weights after them, over the largest value"
    yield from _table(title, ["cell", "B", "D", "H", "losses", "weights"], rows)
    rows = [[cell, *map(str, shape), *_cells(measured, 8, _times, cell, shape)] for cell in CELLS for shape in SHAPES]
    title = f"Microseconds of a training step and of a prediction, float32, {STEPS} steps, by the clock"
    sides = "numrnn", "PyTorch", "PyTorch, TF32", "PyTorch in a CUDA graph"
    yield from _table(title, ["cell", "B", "D", "H", *(f"{s}, {w}" for w in ("step", "predict") for s in sides)], rows)


def _cells(measured, count, measure, *arguments):
    if not measured:
        return [EMPTY] * count
    print(*arguments, flush=True)
    return [f"{value:.3g}" for value in measure(*arguments)]


def _checks():
    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "tests/cuda"], cwd=ROOT, capture_output=True, text=True
    )
    yield tests.stdout.strip().splitlines()[-1]
    yield "yes" if all(_repeats(cell, shape) for cell in CELLS for shape in PARITY) else "NO"
    for tool in ("memcheck", "racecheck"):
        yield _sanitized(tool)


def _repeats(cell, shape):
    first = trained(cell, *shape, "cuda", 5)[1].tobytes()
    return all(trained(cell, *shape, "cuda", 5)[1].tobytes() == first for _ in range(RUNS - 1))


def _sanitized(tool):
    if shutil.which("compute-sanitizer") is None:
        return "not run: no compute-sanitizer"
    command = ["compute-sanitizer", "--tool", tool, "--error-exitcode", "1", sys.executable, __file__, "--steps"]
    result = subprocess.run(command, capture_output=True, text=True)
    return "clean" if result.returncode == 0 else result.stdout.strip().splitlines()[-1]


def _parity(cell, shape):
    """Largest error of losses and of weights after 20 steps."""
    results = [trained(cell, *shape, device, 20) for device in ("cpu", "cuda")]
    for part in (4, 1):
        expected, got = (np.asarray(result[part], np.float64) for result in results)
        yield np.abs(got - expected).max() / np.abs(expected).max()


def _times(cell, shape):
    sides = [numrnn_times(cell, *shape)]
    sides += [torch_times(cell, *shape, **how) for how in ({}, {"tf32": True}, {"graph": True})]
    return [*(side.training for side in sides), *(side.prediction for side in sides)]


def _title(text, line):
    return [text, line * len(text), ""]


def _table(title, header, rows):
    yield from _title(title, "-")
    yield from [".. list-table::", "   :header-rows: 1", ""]
    for row in [header, *rows]:
        yield from (f"   {'*' if n == 0 else ' '} - {cell}" for n, cell in enumerate(row))
    yield ""


if __name__ == "__main__":
    main()
