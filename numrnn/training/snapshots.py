"""What training continues from, as named arrays and a JSON header, and back."""

import numpy as np

from numrnn.io import decode, encode
from numrnn.messages import shown
from numrnn.training.consistency import check_arrays, check_state
from numrnn.training.state import EpochProgress, EpochRecord, TrainingState

__all__ = ["counters_of", "restore_callbacks", "restore_state", "take_snapshot"]

_FIELDS = EpochRecord._fields
COUNTERS = ("seed", "n_updates", "epoch", "n_seen", "schedule_epoch", "schedule_seen", "schedule_state", "stop_reason")


def take_snapshot(state, callbacks):
    """Return named arrays and JSON values that hold a state, and that of the callbacks which have one.

    Parameters
    ----------
    state : TrainingState
    callbacks : sequence of objects
        With `get_state()`, which returns a dict of arrays, numbers and None, or without.

    Returns
    -------
    tensors : dict of str to ndarray
        The arrays themselves, not copies.
    header : dict
    """
    tensors = {"theta": state.theta, "history": np.array(state.history, np.float64).reshape(-1, len(_FIELDS))}
    tensors |= {f"solver.{name}": array for name, array in state.solver_state.items()}
    header = {
        "training": encode({name: getattr(state, name) for name in COUNTERS}),
        "solver": list(state.solver_state),
        "history": list(_FIELDS),
        "progress": None,
        "callbacks": [],
    }
    if state.progress is not None:
        progress = state.progress
        losses, sums, norm = progress.figures()
        tensors |= {"progress.carried": progress.carried, "progress.losses": losses, "progress.weight_sums": sums}
        header["progress"] = encode({"done": progress.done, "norm": norm, "seconds": progress.seconds})
    for callback in _with_state(callbacks):
        values, index = callback.get_state(), len(header["callbacks"])
        arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
        tensors |= {f"callbacks.{index}.{name}": array for name, array in arrays.items()}
        plain = {name: value for name, value in values.items() if name not in arrays}
        header["callbacks"].append({"class": type(callback).__name__, "arrays": list(arrays), "values": encode(plain)})
    return tensors, header


def restore_state(tensors, header):
    """Return the state that `take_snapshot` was shown.

    Raises
    ------
    LookupError, TypeError, AttributeError, ValueError, RecursionError
        If these are not what it returned.
    """
    if header["history"] != list(_FIELDS):
        raise ValueError(f"its history has the columns {shown(header['history'])}, expected {list(_FIELDS)}")
    rows = tensors["history"]
    if rows.dtype != np.float64 or rows.ndim != 2 or rows.shape[1] != len(_FIELDS):
        raise ValueError(
            f"its history has shape {rows.shape} and dtype {rows.dtype}, expected ({len(_FIELDS)} columns)"
        )
    if len(rows) != decode(header["training"])["epoch"]:
        raise ValueError(f"its history has {len(rows)} epochs, its counters tell another number")
    if len(set(header["solver"])) != len(header["solver"]):
        raise ValueError(f"its solver has the arrays {shown(header['solver'])}, expected distinct names")
    whole = {_FIELDS.index(name) for name in ("epoch", "n_sequences")}
    rows = [[int(x) if i in whole and x % 1 == 0 else x for i, x in enumerate(row)] for row in rows.tolist()]
    progress = None
    if header["progress"] is not None:
        arrays = {name: tensors[f"progress.{name}"] for name in ("carried", "losses", "weight_sums")}
        progress = EpochProgress(**arrays, **decode(header["progress"]))
    state = TrainingState(
        theta=tensors["theta"],
        solver_state={name: tensors[f"solver.{name}"] for name in header["solver"]},
        history=[EpochRecord(*row) for row in rows],
        progress=progress,
        **counters_of(decode(header["training"])),
    )
    check_state(state)
    check_arrays(state)
    known = {"theta", "history", *(f"solver.{name}" for name in header["solver"])}
    known |= {f"progress.{name}" for name in ("carried", "losses", "weight_sums")} if progress else set()
    known |= {f"callbacks.{n}.{name}" for n, entry in enumerate(header["callbacks"]) for name in entry["arrays"]}
    if set(tensors) != known:
        raise ValueError(f"it holds the arrays {shown(sorted(tensors))}, its header names {shown(sorted(known))}")
    return state


def counters_of(counters):
    """Return counters of a file, checked to be all of those that a state has.

    Parameters
    ----------
    counters : dict
    """
    counters = {name: value for name, value in counters.items() if name != "progress" or value is not None}
    if set(counters) != set(COUNTERS):
        raise ValueError(f"its training has {shown(sorted(counters))}, expected {sorted(COUNTERS)}")
    return counters


def restore_callbacks(callbacks, tensors, header):
    """Give callbacks the states that `take_snapshot` found.

    Raises
    ------
    ValueError
        If other callbacks have a state now, or a state is none that the callback can have had.
    """
    found, saved = _with_state(callbacks), header["callbacks"]
    names = [type(callback).__name__ for callback in found], [entry["class"] for entry in saved]
    if names[0] != names[1]:
        raise ValueError(f"the callbacks with a state are {names[0]}, those of the checkpoint {shown(names[1])}")
    for index, (callback, entry) in enumerate(zip(found, saved, strict=True)):
        arrays = {name: tensors[f"callbacks.{index}.{name}"] for name in entry["arrays"]}
        callback.set_state(arrays | decode(entry["values"]))
        if hasattr(callback, "check_state"):
            callback.check_state(tensors["theta"], len(tensors["history"]))


def _with_state(callbacks):
    return [callback for callback in callbacks if hasattr(callback, "get_state")]
