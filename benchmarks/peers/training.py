"""Compare training steps: forward pass, BPTT, gradient norm, clipping and Adam on a mini-batch of equal lengths.

All numbers are float32.
"""

from jax_side import JaxSide
from limits import FMA_OPERATIONS, SGEMM_OPERATIONS, fma_run, sgemm_run
from measure import Figure, Table, interleaved
from numrnn_side import NumrnnSide
from problem import Problem, check_gradients, chosen
from torch_side import TorchSide

# (ratio to PyTorch: Elman, GRU, LSTM; fraction of sgemm's speed: Elman, GRU, LSTM) by H
TARGETS = {
    32: ((15, 15, 3.5), (0.70, 0.65, 0.65)),
    64: ((8, 8, 2), (0.85, 0.80, 0.80)),
    128: ((4, 4, 1.6), (0.90, 0.85, 0.85)),
    256: ((1.9, 2, 1.4), (0.90, 0.85, 0.85)),
    512: ((1.5, 1.7, 1.3), (0.90, 0.90, 0.90)),
    1024: ((1.3, 1.8, 1.15), (0.88, 0.85, 0.85)),
}
COLUMNS = [
    *("cell", "B, T, D, H", "numrnn ms", "PyTorch ms", "JAX ms", "GFLOP/s", "sgemm", "FMA"),
    *("PyTorch / numrnn", "JAX / numrnn", "of sgemm", "of FMA"),
]


def run(options):
    """Measure a row for each cell and shape."""
    table = Table("Training steps", COLUMNS)
    for cell, shape in chosen(options):
        problem = Problem(cell, shape)
        sides = {"numrnn": NumrnnSide(problem, options.threads), "torch": TorchSide(problem), "jax": JaxSide(problem)}
        reference = sides["torch"].gradients()
        errors = {name: check_gradients(reference, sides[name].gradients(), name) for name in ("numrnn", "jax")}
        runs = {name: side.train for name, side in sides.items()}
        times = interleaved(runs | {"sgemm": sgemm_run(), "fma": fma_run(options.threads)}, options.repeats)
        rate = problem.operations / times["numrnn"]
        sgemm, fma = SGEMM_OPERATIONS / times["sgemm"], options.threads * FMA_OPERATIONS / times["fma"]
        ratios, fractions = TARGETS[problem.H]
        index = ("elman", "gru", "lstm").index(cell)
        table.add(
            [*problem.title(), *(1e3 * times[side] for side in sides), *(f"{x / 1e9:.0f}" for x in (rate, sgemm, fma))],
            [
                Figure("torch_ratio", times["torch"] / times["numrnn"], ratios[index]),
                Figure("jax_ratio", times["jax"] / times["numrnn"]),
                Figure("fraction_of_sgemm", rate / sgemm, fractions[index]),
                Figure("fraction_of_fma", rate / fma),
            ],
            cell=cell,
            shape=shape,
            seconds=times,
            gradient_errors=errors,
            gflops={"numrnn": rate / 1e9, "sgemm": sgemm / 1e9, "fma": fma / 1e9},
        )
    return table.rows
