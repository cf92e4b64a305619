"""Compare training steps and predictions with PyTorch: wall time with the GPU idle before and after, and events."""

import targets
from events import recurrences
from measure import Figure, interleaved, repeated
from numrnn_side import NumrnnSide, estimator_of
from problem import Problem, check_gradients, check_predictions

TRAINING = (
    *("cell", "B", "D", "H", "numrnn us", "PyTorch us", "TF32 us", "CUDA graph us"),
    *("PyTorch / numrnn", "CUDA graph / numrnn"),
)
PREDICTION = ("cell", "B", "D", "H", "numrnn us", "PyTorch us", "TF32 us", "CUDA graph us", "PyTorch / numrnn")
EVENTS = ("cell", "B", "D", "H", "numrnn: forward us", "backward us", "PyTorch: a step us", "in a CUDA graph us")


def sides_of(problem, device):
    """Return PyTorch's sides by name, or an empty dict without a device."""
    if device is None:
        return {}
    from torch_card import WAYS, Side

    return {way: Side(problem, way, device) for way in WAYS}


def training(cell, shape, plan):
    """Return the cells of a training step, after a comparison of the gradients."""
    B, D, H = shape
    problem = Problem(cell, (B, plan.steps, D, H))
    numrnn, sides = NumrnnSide(problem, 1, device="cuda"), sides_of(problem, plan.torch)
    reference = NumrnnSide(problem, 1).gradients()
    for name, side in {"numrnn": numrnn, **sides}.items():
        if name != "TF32":
            check_gradients(reference, side.gradients(), name)
    seconds = interleaved({"numrnn": numrnn.train, **{way: side.train for way, side in sides.items()}}, plan.repeats)
    return _cells(seconds, sides, targets.of_training(cell, shape), ("PyTorch", "CUDA graph"))


def prediction(cell, shape, plan):
    """Return the cells of a whole prediction, from a NumPy array to a NumPy array of probabilities."""
    B, D, H = shape
    problem = Problem(cell, (B, plan.steps, D, H))
    model, sides = estimator_of(problem, 1, "cuda"), sides_of(problem, plan.torch)
    calls = {"numrnn": lambda: model.predict_proba(problem.X), **{way: side.predict for way, side in sides.items()}}
    reference = {"CPU": estimator_of(problem, 1).predict_proba(problem.X)}
    exact = {name: call() for name, call in calls.items() if name != "TF32"}
    check_predictions(reference | exact, f"{cell} {shape}")
    seconds = interleaved({name: repeated(call) for name, call in calls.items()}, plan.repeats)
    return _cells(seconds, sides, [targets.of_prediction(cell, shape)], ("PyTorch",))


def events(cell, shape, plan):
    """Return the cells of the time that kernels take on the GPU."""
    B, D, H = shape
    problem = Problem(cell, (B, plan.steps, D, H))
    cells = [1e6 * seconds for seconds in recurrences(NumrnnSide(problem, 1, device="cuda"), plan.repeats)]
    sides = sides_of(problem, plan.torch)
    return cells + [1e6 * sides[way].kernel_seconds() if sides else "no PyTorch" for way in ("PyTorch", "CUDA graph")]


def _cells(seconds, sides, bounds, compared):
    times = [1e6 * seconds[name] for name in seconds]
    if not sides:
        return times + ["no PyTorch"] * (3 + len(compared))
    ratios = (seconds[way] / seconds["numrnn"] for way in compared)
    return times + [Figure("ratio", ratio, bound) for ratio, bound in zip(ratios, bounds, strict=True)]
