"""Define the state from which training can continue."""

import math
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import numpy as np

from numrnn.io import decode, encode
from numrnn.io.messages import InputError, shown
from numrnn.training.state_checks import check_arrays, check_state

NO_WEIGHT = "must contain a non-zero weight, but the weights of all sequences and steps are zero"
_TRANSIENT = ("version", "prepared", "resumed_epoch", "at_rest", "network")  # attributes that are not fields


class EpochRecord(NamedTuple):
    """Hold the results of an epoch.

    `loss` is the mean of the objectives of all mini-batches, weighted by their sums of weights; each objective includes
    the `alpha` term and is computed before the update. `validation_loss` has no `alpha` term. Validation values are nan
    if there is no validation, and the learning rate is nan with L-BFGS. `gradient_norm` is that of the last mini-batch,
    before clipping. `seconds` is the time of training on `n_sequences` sequences, without validation. `scores` are the
    validation scores by the names of `scoring`.
    """

    epoch: int
    loss: float
    validation_loss: float
    validation_score: float
    learning_rate: float
    gradient_norm: float
    seconds: float
    n_sequences: int
    scores: dict = {}


FIELDS = EpochRecord._fields[:-1]
PREFIX = "scores."  # prefix of the columns of `scores`


def columns_of(history):
    """Return the values of all records by name; `scores` that a record does not have are nan."""
    columns = {name: [getattr(record, name) for record in history] for name in FIELDS}
    names = dict.fromkeys(name for record in history for name in record.scores)
    return columns | {PREFIX + name: [record.scores.get(name, math.nan) for record in history] for name in names}


def records_of(columns):
    """Return the records, given the columns that `columns_of` returned for them."""
    names = [name for name in columns if name.startswith(PREFIX)]
    if not columns:  # a file of version 1 without epochs
        return []
    if set(columns) != {*FIELDS, *names}:
        raise ValueError(f"its history has the columns {shown(list(columns))}, expected {', '.join(FIELDS)}")
    rows = zip(*columns.values(), strict=True)
    return [_record(dict(zip(columns, row, strict=True)), names) for row in rows]


def _record(row, names):
    scores = {name.removeprefix(PREFIX): row.pop(name) for name in names}
    return EpochRecord(**row, scores=scores)


@dataclass
class EpochProgress:
    """Hold the progress within an epoch, between two mini-batches.

    Parameters
    ----------
    carried : ndarray of shape (N, state_size)
        States that are carried between the chunks of truncated BPTT; shape (0, state_size) without chunks.

    Attributes
    ----------
    done : int
        Number of mini-batches of the epoch that have been trained on.
    norm, seconds, losses, weight_sums
        Values up to the checkpoint from which training has resumed, if any: the norm of the last gradient before
        clipping; the seconds spent; an array of loss times sum of weights and an array of the sums of weights, with an
        element for each mini-batch whose weights are not all 0.
    runs : list of TrainingRun
        Results of the calls of `Network.train` since that checkpoint. Losses of a run on a GPU are copied to the host
        when `figures` reads them.
    """

    carried: np.ndarray
    done: int = 0
    norm: float = math.nan
    seconds: float = 0.0
    losses: np.ndarray = field(default_factory=partial(np.zeros, 0))
    weight_sums: np.ndarray = field(default_factory=partial(np.zeros, 0))
    runs: list = field(default_factory=list, init=False)

    def add(self, count, run, seconds):
        """Count the next `count` mini-batches, for which `Network.train` has returned `run`."""
        self.done += count
        self.seconds += seconds
        self.runs.append(run)

    def figures(self):
        """Return `losses`, `weight_sums` and `norm` including all `runs`."""
        losses = np.concatenate([self.losses, *(run.losses * run.weight_sums for run in self.runs)])
        sums = np.concatenate([self.weight_sums, *(run.weight_sums for run in self.runs)])
        last = next((run for run in reversed(self.runs) if run.done), None)
        return losses, sums, self.norm if last is None else float(last.norms[-1])

    def totals(self):
        """Return the mean loss of all mini-batches, the norm of the last gradient, and the seconds spent."""
        losses, sums, norm = self.figures()
        total = math.fsum(sums)
        if not total:
            raise InputError("sample_weight", (), NO_WEIGHT)
        return math.fsum(losses) / total, norm, self.seconds


@dataclass
class TrainingState:
    """Hold everything from which training can continue, in `partial_fit`, with `warm_start` or from a checkpoint.

    Parameters
    ----------
    theta : ndarray of shape (P,)
        Flat parameters, float32 or float64. The array is changed in place, never replaced.
    seed : int
        Seed of the shuffles, in [0, 2**64).

    Attributes
    ----------
    solver_state : dict of str to ndarray
        Arrays of the solver, by name.
    schedule_state : dict of str to float
        Numbers of the schedule, by name.
    n_updates, epoch, n_seen : int
        Numbers of the solver's steps, of completed epochs, and of sequences trained on.
    schedule_epoch, schedule_seen : int
        Values of `epoch` and `n_seen` at which the schedule began.
    history : list of EpochRecord
        One record per completed epoch.
    progress : EpochProgress or None
        Progress of the epoch in which training ended; None between epochs.
    stop_reason : str or None
        Why the last training ended: "max_iter", "callback", "time_limit", "interrupted" by Ctrl-C, "terminated" by
        another signal, or, with L-BFGS, "converged" or "line_search" (the line search found no lower loss).
    """

    theta: np.ndarray
    seed: int
    solver_state: dict = field(default_factory=dict)
    schedule_state: dict = field(default_factory=dict)
    n_updates: int = 0
    epoch: int = 0
    n_seen: int = 0
    schedule_epoch: int = 0
    schedule_seen: int = 0
    history: list = field(default_factory=list)
    progress: EpochProgress | None = None
    stop_reason: str | None = None

    # These attributes are not fields: they are neither copied nor saved.
    version = 0  # odd while theta changes
    prepared = None  # predictor with the present theta, see numrnn.estimators.base
    network = None  # with device="cuda", the network of the last training; see numrnn.estimators.fitting
    resumed_epoch = 0  # epoch at which training resumed from a checkpoint
    at_rest = False  # whether training may stop at once, since it can be resumed from the fields

    def __getstate__(self):
        return {name: vars(self)[name] for name in vars(self) if name not in _TRANSIENT}

    @contextmanager
    def resting(self):
        """Mark that, within the context, no field changes and all results can be recomputed."""
        self.at_rest = True
        try:
            yield
        finally:
            self.at_rest = False

    @contextmanager
    def changing(self):
        """Mark that theta changes within the context, which makes earlier predictors invalid."""
        self.version += 1
        try:
            yield
        finally:
            self.version += 1
            self.prepared = None

    def restart_schedule(self):
        """Restart the learning rate schedule with the next epoch."""
        self.schedule_state = {}
        self.schedule_epoch = self.epoch
        self.schedule_seen = self.n_seen

    def prepare(self, solver):
        """Initialise the solver's state, unless it already belongs to this kind of solver."""
        fresh = solver.init_state(self.theta)
        if fresh.keys() != self.solver_state.keys():
            self.solver_state = fresh
            self.n_updates = 0

    def begin_epoch(self, carried):
        """Continue the epoch in which training ended, or begin one with carried states of the shape `carried`."""
        if self.progress is None:
            self.progress = EpochProgress(np.zeros(carried, self.theta.dtype))

    def end_epoch(self, loss, gradient_norm, seconds, validate, learning_rate, n_sequences):
        """Count an epoch, add its record to the history, and return the record.

        `validate` is None, or a function that maps theta to (loss, score) or (loss, score, dict of further scores).
        """
        with self.resting():
            validation_loss, score, *scores = validate(self.theta) if validate else (math.nan, math.nan)
        self.progress = None
        self.epoch += 1
        self.n_seen += n_sequences
        monitored = float(validation_loss), float(score)
        rest = learning_rate, gradient_norm, seconds, n_sequences, *scores
        self.history.append(EpochRecord(self.epoch, loss, *monitored, *rest))
        return self.history[-1]


COUNTERS = ("seed", "n_updates", "epoch", "n_seen", "schedule_epoch", "schedule_seen", "schedule_state", "stop_reason")


def take_snapshot(state, callbacks):
    """Return the arrays (by name, not copied) and the JSON values of a state and of those callbacks that have a state.

    A callback has a state if it has a method `get_state()`, which returns a dict of arrays, numbers and None.
    """
    columns = columns_of(state.history)
    tensors = {"theta": state.theta, "history": np.array(list(columns.values()), np.float64).T.copy()}
    tensors |= {f"solver.{name}": array for name, array in state.solver_state.items()}
    header = {
        "training": encode({name: getattr(state, name) for name in COUNTERS}),
        "solver": list(state.solver_state),
        "history": list(columns),
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
    """Return the state from the arrays and values that `take_snapshot` returned.

    Raises LookupError, TypeError, AttributeError, ValueError or RecursionError if the arrays and values are invalid.
    """
    names, rows = header["history"], tensors["history"]
    if rows.dtype != np.float64 or rows.ndim != 2 or rows.shape[1] != len(names):
        raise ValueError(
            f"its history has shape {rows.shape} and dtype {rows.dtype}, expected {len(names)} columns of float64"
        )
    history = records_of({name: _numbers(name, column) for name, column in zip(names, rows.T.tolist(), strict=True)})
    if len(rows) != decode(header["training"])["epoch"]:
        raise ValueError(f"its history has {len(rows)} epochs, but its counters state another number")
    if len(set(header["solver"])) != len(header["solver"]):
        raise ValueError(f"its solver has the arrays {shown(header['solver'])}, expected distinct names")
    progress = None
    if header["progress"] is not None:
        arrays = {name: tensors[f"progress.{name}"] for name in ("carried", "losses", "weight_sums")}
        progress = EpochProgress(**arrays, **decode(header["progress"]))
    state = TrainingState(
        theta=tensors["theta"],
        solver_state={name: tensors[f"solver.{name}"] for name in header["solver"]},
        history=history,
        progress=progress,
        **counters_of(decode(header["training"])),
    )
    check_state(state)
    check_arrays(state)
    known = {"theta", "history", *(f"solver.{name}" for name in header["solver"])}
    known |= {f"progress.{name}" for name in ("carried", "losses", "weight_sums")} if progress else set()
    known |= {f"callbacks.{n}.{name}" for n, entry in enumerate(header["callbacks"]) for name in entry["arrays"]}
    if set(tensors) != known:
        raise ValueError(f"it holds the arrays {shown(sorted(tensors))}, but its header names {shown(sorted(known))}")
    return state


def _numbers(name, column):
    """Return a column of the history, with integers if it is a column of counts."""
    return [int(x) if name in ("epoch", "n_sequences") and x % 1 == 0 else x for x in column]


def counters_of(counters):
    """Return the counters of a file, after a check that exactly the counters of a state are present."""
    counters = {name: value for name, value in counters.items() if name != "progress" or value is not None}
    if set(counters) != set(COUNTERS):
        raise ValueError(f"its counters are {shown(sorted(counters))}, expected {sorted(COUNTERS)}")
    return counters


def restore_callbacks(callbacks, tensors, header):
    """Set the states of callbacks that `take_snapshot` saved.

    Raises ValueError if the callbacks with a state are not those of the checkpoint, or if a state is impossible for its
    callback.
    """
    found, saved = _with_state(callbacks), header["callbacks"]
    names = [type(callback).__name__ for callback in found], [entry["class"] for entry in saved]
    if names[0] != names[1]:
        found = f"with a state must be those of the checkpoint, {shown(names[1])}, got {shown(names[0])}"
        raise InputError("callbacks", (), f"{found}; pass the same callbacks in the same order")
    for index, (callback, entry) in enumerate(zip(found, saved, strict=True)):
        arrays = {name: tensors[f"callbacks.{index}.{name}"] for name in entry["arrays"]}
        callback.set_state(arrays | decode(entry["values"]))
        if hasattr(callback, "check_state"):
            callback.check_state(tensors["theta"], len(tensors["history"]))


def _with_state(callbacks):
    return [callback for callback in callbacks if hasattr(callback, "get_state")]
