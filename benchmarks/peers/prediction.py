"""Compare whole predictions, from a NumPy array to a NumPy array of probabilities.

They are measured at the shapes of training, and for one sequence alone. The ratio is that of the public
`RNNClassifier.predict_proba`; the time of `Network.predict`, without the estimator's checks, is in the next column.
The peers get (T, B, D), their own layout; numrnn gets (B, T, D), the layout of its users.
"""

from jax_side import JaxSide
from measure import Figure, Table, interleaved, repeated
from numrnn_side import NumrnnSide, estimator_of
from onnx_side import OnnxSide
from problem import Problem, check_predictions, chosen
from torch_side import TorchSide

PEERS = ("torch", "jax", "onnx")
COLUMNS = [
    *("cell", "B, T, D, H", "predict_proba ms", "Network.predict ms", "PyTorch ms", "JAX ms", "ONNX Runtime ms"),
    *("fastest peer", "fastest peer / predict_proba"),
]


def calls_of(problem, threads):
    """Return each side's whole call and the largest difference between their probabilities."""
    model = estimator_of(problem, threads)
    calls = {
        "numrnn": lambda: model.predict_proba(problem.X),
        "network": NumrnnSide(problem, threads).predict,
        "torch": TorchSide(problem).predict,
        "jax": JaxSide(problem).predict,
        "onnx": OnnxSide(problem, threads).predict,
    }
    error = check_predictions({name: call() for name, call in calls.items()}, f"{problem.cell} {problem.shape}")
    return calls, error


def run(options):
    """Measure two rows for each cell and shape: the whole mini-batch, and one sequence."""
    table = Table("Predictions", COLUMNS)
    for cell, shape in chosen(options):
        for B in (shape[0], 1):
            problem = Problem(cell, (B, *shape[1:]))
            calls, error = calls_of(problem, options.threads)
            times = interleaved({name: repeated(call) for name, call in calls.items()}, options.repeats)
            fastest = min(PEERS, key=times.get)
            target = 3 if problem.H <= 64 else 1
            table.add(
                [*problem.title(), *(1e3 * seconds for seconds in times.values()), fastest],
                [Figure("peer_ratio", times[fastest] / times["numrnn"], target)],
                cell=cell,
                shape=problem.shape,
                seconds=times,
                fastest_peer=fastest,
                prediction_error=error,
            )
    return table.rows
