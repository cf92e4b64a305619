"""Compare the speed of numrnn with PyTorch, JAX and ONNX Runtime, and with the limits that sgemm and FMA set.

    pip install ".[peers]"
    python benchmarks/peers/speed.py --threads 2 --json speed.json
    python benchmarks/peers/speed.py --sections latency fit --cells gru

The versions of the peers are pinned in the extra `peers` of setup.cfg: PyTorch 2.13.0, JAX 0.10.2, ONNX Runtime 1.32.0.
All sides start from the same weights and have the same threads and precision; gradients and predictions are compared
before anything is timed. Times are medians over repeats in turns, in one run. A figure with a target is printed as the
relation that holds: 0.91 >= 0.9, or 0.85 < 0.9 if it is missed. All sections take about 25 minutes on two idle cores.

Sections:

train    training steps, ratio to PyTorch and JAX, fraction of sgemm at 2048^3 and of FMA on registers alone, measured
         between the others; operations of a step: 2 B T G H (3 H + 2 D)
predict  whole predictions of a mini-batch and of one sequence, ratio to the fastest peer
latency  `predict_step` of one stream, `predict` of one sequence
fit      an epoch of `fit` and of a DataLoader loop, and the kernels' share of `fit`
ragged   lengths of 1 to 100 over equal lengths, with and without length buckets
threads  one thread over all
float64  rate over that of float32
avx2     kernels and OpenBLAS limited to AVX2
"""

import argparse
import importlib
import json
import os

from machine import machine
from measure import Options, refuse_distorted_environment
from threadpoolctl import threadpool_limits

SECTIONS = {
    "train": "training:run",
    "predict": "prediction:run",
    "latency": "latency:run",
    "fit": "whole_fit:run",
    "ragged": "ragged:run",
    "threads": "scaling:threads",
    "float64": "scaling:float64",
    "avx2": "avx2:run",
}
LIBRARIES = ("torch", "jax", "onnxruntime")


def main():
    options, sections, file = _arguments()
    refuse_distorted_environment()
    os.environ["NPROC"] = str(options.threads)  # the size of XLA's pool, read when JAX first computes
    try:
        import jax  # noqa: F401
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import torch
    except ModuleNotFoundError as error:
        raise SystemExit(f"{error.name} is not installed: pip install '.[peers]'") from error
    torch.set_num_threads(options.threads)
    report = {"options": options._asdict(), "machine": machine(LIBRARIES), "sections": {}}
    print(f"{report['machine']}, {options.threads} threads")
    with threadpool_limits(options.threads, "blas"):
        for name in sections:
            module, function = SECTIONS[name].split(":")
            report["sections"][name] = getattr(importlib.import_module(module), function)(options)
    missed = sum(not figure["met"] for rows in report["sections"].values() for row in rows for figure in row["figures"])
    print(f"\n{missed} targets missed")
    if file:
        with open(file, "w", encoding="utf-8") as stream:
            json.dump(report, stream, indent=1)


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sections", nargs="+", default=list(SECTIONS), choices=list(SECTIONS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--cells", nargs="+", default=["elman", "gru", "lstm"], choices=["elman", "gru", "lstm"])
    units = [32, 64, 128, 256, 512, 1024]
    parser.add_argument("--units", nargs="+", type=int, default=units, choices=units, help="H of the shapes to take")
    parser.add_argument("--json", help="file for the figures")
    arguments = parser.parse_args()
    options = Options(arguments.threads, arguments.repeats, arguments.cells, arguments.units)
    return options, arguments.sections, arguments.json


if __name__ == "__main__":
    main()
