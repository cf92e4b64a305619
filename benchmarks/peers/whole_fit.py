"""Compare an epoch of a whole `fit` with an epoch of a plain DataLoader loop.

Data are 2,000 sequences (T=50, D=8, H=32, batch 32, Adam, clipping). Each side's time is that of a call from arrays to
a trained model, divided by its epochs. Kernel time is the time inside `run_threads`, where all compiled work of
training happens, including the waits of the calling thread; its share is that of the whole `fit`.
"""

import statistics
import time
from unittest.mock import patch

import numpy as np
from measure import PAUSE, Figure, Table, interleaved
from numrnn_side import NumrnnSide
from problem import CLASSES, Problem, check_gradients
from torch_side import TorchSide, fit_by_loader

import numrnn.network.cpu.network
from numrnn import RNNClassifier

N, T, D, H = 2000, 50, 8, 32
RATIOS = {"elman": 20, "gru": 20, "lstm": 5}
SHARE = 0.8
EPOCHS = 50  # of the fit whose kernel time is taken: what a fit does once hardly counts
COLUMNS = ["cell", "numrnn ms an epoch", "PyTorch ms an epoch", "PyTorch / numrnn", "kernels' share"]


def estimator(cell, threads, epochs, units=H, **parameters):
    """Return an RNNClassifier that trains for `epochs` epochs."""
    return RNNClassifier((units,), cell=cell, max_iter=epochs, n_jobs=threads, random_state=0, **parameters)


def kernel_share(model, X, y):
    """Return the seconds inside `run_threads` over those of the whole `fit`."""
    inside, run_threads = 0.0, numrnn.network.cpu.network.run_threads

    def timed(*arguments):
        nonlocal inside
        started = time.perf_counter()
        try:
            return run_threads(*arguments)
        finally:
            inside += time.perf_counter() - started

    with patch.object(numrnn.network.cpu.network, "run_threads", timed):
        time.sleep(PAUSE)
        started = time.perf_counter()
        model.fit(X, y)
        elapsed = time.perf_counter() - started
    if not inside:
        raise SystemExit("fit no longer goes through `run_threads`: no share of the kernels is measured")
    return inside / elapsed


def run(options):
    """Measure a row for each cell."""
    table = Table("Whole fit, 2,000 sequences of 50 steps, D=8, H=32, batch 32", COLUMNS)
    random = np.random.default_rng(0)
    X, y = random.standard_normal((N, T, D)).astype(np.float32), np.arange(N) % CLASSES
    for cell in options.cells:
        problem = Problem(cell, (32, T, D, H))
        error = check_gradients(TorchSide(problem).gradients(), NumrnnSide(problem, options.threads).gradients(), cell)
        runs = {
            "numrnn": lambda epochs, cell=cell: estimator(cell, options.threads, epochs).fit(X, y),
            "torch": lambda epochs, cell=cell: fit_by_loader(cell, X, y, H, epochs),
        }
        times = interleaved(runs, options.repeats)
        shares = [kernel_share(estimator(cell, options.threads, EPOCHS), X, y) for _ in range(options.repeats)]
        table.add(
            [cell, 1e3 * times["numrnn"], 1e3 * times["torch"]],
            [
                Figure("torch_ratio", times["torch"] / times["numrnn"], RATIOS[cell]),
                Figure("kernel_share", statistics.median(shares), SHARE),
            ],
            cell=cell,
            seconds_per_epoch=times,
            gradient_error=error,
        )
    return table.rows
