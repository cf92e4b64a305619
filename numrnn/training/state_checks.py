"""Check that training could have written the training state in a file."""

from numbers import Integral, Real

import numpy as np

from numrnn.io.messages import shown

__all__ = ["check_arrays", "check_progress", "check_state"]

LARGEST = 2**63 - 1  # largest value of an integer such as `epoch` or `n_updates`
STOP_REASONS = ("max_iter", "callback", "time_limit", "interrupted", "terminated", "converged", "line_search", None)
_WHOLE = ("epoch", "n_sequences")  # integer fields of an epoch's record


def check_state(state):
    """Raise a ValueError that names the first field of a state that is invalid or contradicts another field.

    The arrays are checked by `check_arrays`.
    """
    _raise_first(_rules(state))


def check_arrays(state):
    """Raise a ValueError that names the first array of a state that does not match `theta` or is not finite."""
    _raise_first(_array_rules(state))


def _raise_first(rules):
    for name, value, holds, expected in rules:
        if not holds:
            raise ValueError(f"{name}={shown(value)}: must be {expected}")


def check_progress(progress, carried, dtype, n_batches):
    """Raise a ValueError if training cannot resume within an epoch from the EpochProgress of a checkpoint.

    `carried` is the required shape of the carried states, `dtype` the network's dtype, and `n_batches` the number of
    mini-batches of the epoch.
    """
    states, done = progress.carried, progress.done
    if states.shape != carried or states.dtype != dtype:
        raise ValueError(
            f"progress.carried has shape {states.shape} and dtype {states.dtype}, but its network and data need "
            f"{carried} and {dtype}"
        )
    if not np.isfinite(states).all():
        raise ValueError("progress.carried contains NaN or infinity")
    if done > n_batches or max(len(progress.losses), len(progress.weight_sums)) > done:
        raise ValueError(
            f"progress.done={done}: must be at least {len(progress.losses)}, the number of losses, and at most "
            f"{n_batches}, the number of mini-batches of the epoch"
        )


def _is_count(value):
    """Return whether a value is a count; counts from a GPU are NumPy integers."""
    return isinstance(value, Integral) and not isinstance(value, bool) and 0 <= value <= LARGEST


def _is_number(value):
    return isinstance(value, Real) and not isinstance(value, (bool, Integral))


def _rules(state):
    yield "seed", state.seed, type(state.seed) is int and 0 <= state.seed < 2**64, "an integer from 0 to 2**64 - 1"
    for name in ("n_updates", "epoch", "n_seen", "schedule_epoch", "schedule_seen"):
        value = getattr(state, name)
        yield name, value, _is_count(value), f"an integer from 0 to {LARGEST}"
    for name, whole in (("schedule_epoch", "epoch"), ("schedule_seen", "n_seen")):
        value, most = getattr(state, name), getattr(state, whole)
        yield name, value, value <= most, f"at most {whole}={most}"
    reason = state.stop_reason
    yield (
        "stop_reason",
        reason,
        reason is None or isinstance(reason, str) and reason in STOP_REASONS,
        (f"one of {', '.join(map(str, STOP_REASONS))}"),
    )
    yield from _schedule_rules(state.schedule_state)
    yield from _history_rules(state)


def _array_rules(state):
    theta, solver_state = state.theta, state.solver_state
    yield "theta", theta, bool(np.isfinite(theta).all()), "finite"
    for name, array in solver_state.items():
        holds = array.shape == theta.shape and array.dtype == theta.dtype
        yield f"solver.{name}", array, holds, f"an array of shape {theta.shape} and dtype {theta.dtype}, as the weights"
        yield f"solver.{name}", array, not np.isnan(array).any(), "numbers"
    if state.progress is not None:
        yield from _progress_rules(state.progress)


def _schedule_rules(memory):
    known = type(memory) is dict and set(memory) <= {"rate", "misses", "best"}
    yield "schedule_state", memory, known, "a dict with no keys other than rate, misses and best"
    rate, misses, best = memory.get("rate", 1.0), memory.get("misses", 0), memory.get("best", 0.0)
    yield "schedule_state['rate']", rate, _is_number(rate) and 0 < rate < float("inf"), "a positive finite number"
    yield "schedule_state['misses']", misses, type(misses) is int and misses in (0, 1), "0 or 1"
    yield "schedule_state['best']", best, _is_number(best), "a number"


def _history_rules(state):
    history = state.history
    yield "history", history, len(history) == state.epoch, f"a list of epoch={state.epoch} records"
    for n, record in enumerate(history):
        values = record._asdict()
        for name, value in (values | {f"scores.{name}": score for name, score in values.pop("scores").items()}).items():
            whole = name in _WHOLE
            expected = "an integer" if whole else "a number"
            yield f"history[{n}].{name}", value, _is_count(value) if whole else _is_number(value), expected
        yield f"history[{n}].epoch", record.epoch, record.epoch == n + 1, f"{n + 1}"
    seen = sum(record.n_sequences for record in history)
    yield "n_seen", state.n_seen, state.n_seen == seen, f"{seen}, the sum of the n_sequences of its history"


def _progress_rules(progress):
    yield "progress.done", progress.done, _is_count(progress.done), f"an integer from 0 to {LARGEST}"
    for name in ("norm", "seconds"):
        value = getattr(progress, name)
        yield f"progress.{name}", value, _is_number(value) and not value < 0, "a non-negative number"
    losses, sums = progress.losses, progress.weight_sums
    for name, array in {"losses": losses, "weight_sums": sums}.items():
        holds = array.ndim == 1 and array.dtype == np.float64 and len(array) == len(losses)
        yield f"progress.{name}", array, holds, "a float64 array of one number for each mini-batch"
        yield f"progress.{name}", array, bool(np.isfinite(array).all()), "finite"
    yield "progress.weight_sums", sums, bool((sums > 0).all()), "positive"
