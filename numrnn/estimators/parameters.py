"""Which values the parameters of estimators, and arguments of their methods, may have."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions

from numrnn.data.byte_sizes import n_bytes
from numrnn.data.symbols.vocabulary import Vocabulary
from numrnn.estimators.n_jobs import n_threads
from numrnn.io.messages import shown
from numrnn.solvers import LBFGS, resolve_solver
from numrnn.training import (
    check_callbacks,
    resolve_schedule,
)

LARGEST = 2**63 - 1  # integer that kernels count with
CONSTRAINTS = {
    "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
    "cell": [StrOptions({"elman", "gru", "lstm"})],
    "activation": [StrOptions({"tanh", "relu"})],
    "bidirectional": ["boolean"],
    "output": [StrOptions({"sequence", "step"})],
    "pooling": [StrOptions({"last", "mean", "max"})],
    "vocabulary": [Vocabulary, None],
    "initial_state": [StrOptions({"zero", "learned"})],
    "n_symbols": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"}), None],
    "embedding_size": [Interval(Integral, 1, None, closed="left"), None],
    "dropout": [Interval(Real, 0, 1, closed="left")],
    "recurrent_dropout": [Interval(Real, 0, 1, closed="left")],
    "bptt_steps": [Interval(Integral, 1, None, closed="left"), None],
    "alpha": [Interval(Real, 0, None, closed="left")],
    "batch_size": [Interval(Integral, 1, None, closed="left")],
    "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    "max_iter": [Interval(Integral, 1, None, closed="left")],
    "shuffle": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "tol": [Interval(Real, 0, None, closed="left")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
    "clip_norm": [None, Interval(Real, 0, None, closed="neither")],
    "warm_start": ["boolean"],
    "random_state": ["random_state"],
    "dtype": [StrOptions({"float32", "float64"}), Options(type, {np.float32, np.float64})],
    "n_jobs": [None, Integral],
    "memory_limit": [None, Interval(Integral, 1, None, closed="left"), str],
    "verbose": ["verbose"],
    "callbacks": [None, list, tuple],
}


def solver_makes_passes(estimator):
    if estimator.solver == "lbfgs" or isinstance(estimator.solver, LBFGS):
        raise AttributeError("partial_fit needs a mini-batch solver; solver='lbfgs' works on all of X at once")
    return True


def check_number(name, value, kind, holds, expected):
    """Raise a ValueError unless an argument of a method is a number of one kind for which a condition holds."""
    if not isinstance(value, kind) or isinstance(value, (bool, np.bool_)) or not holds(value):
        raise ValueError(f"{name} must be {expected}, got {shown(value)}")
    if isinstance(value, Integral) and value > LARGEST:
        raise ValueError(f"{name}={shown(value)}: must be at most {LARGEST}")


def check_sizes(estimator):
    """Raise a ValueError that names the first parameter which is a greater integer than kernels count with."""
    for name in estimator._parameter_constraints:
        value = getattr(estimator, name)
        if isinstance(value, Integral) and value > LARGEST:
            raise ValueError(f"{name}={shown(value)}: must be at most {LARGEST}")


def batch_sizes(estimator):
    """Return the `batch_size` and the `bptt_steps` of an estimator's training: as learnt, or else as given."""
    names = ("batch_size", "bptt_steps")
    return {name: vars(estimator).get(f"{name}_", getattr(estimator, name)) for name in names}


def check_parameters(estimator):
    """Raise an error that names the first parameter whose value does not fit the others or this version."""
    check_sizes(estimator)
    if estimator.cell != "elman" and estimator.activation != "tanh":
        raise ValueError(
            f"activation={shown(estimator.activation)} needs cell='elman', got cell={shown(estimator.cell)}"
        )
    for name in ("dropout", "recurrent_dropout"):
        value = getattr(estimator, name)
        if value and isinstance(resolve_solver(estimator.solver), LBFGS):
            raise ValueError(f"{name}={shown(value)} needs a solver of mini-batches; lbfgs has no use for noise")
    if estimator.bptt_steps is not None and isinstance(resolve_solver(estimator.solver), LBFGS):
        raise ValueError(
            f"bptt_steps={shown(estimator.bptt_steps)} needs a mini-batch solver; 'lbfgs' takes whole sequences"
        )
    if estimator.bptt_steps is not None and estimator.bidirectional:
        raise ValueError(
            f"bptt_steps={shown(estimator.bptt_steps)} needs bidirectional=False: the reverse direction begins at a "
            "sequence's last step, so a chunk alone has no state to begin with"
        )
    if estimator.pooling != "last" and (estimator.output == "step" or estimator.bptt_steps is not None):
        raise ValueError(
            f"pooling={shown(estimator.pooling)} needs output='sequence' and bptt_steps=None, got output="
            f"{shown(estimator.output)} and bptt_steps={shown(estimator.bptt_steps)}: it is over all steps of a "
            "sequence"
        )
    resolve_solver(estimator.solver)
    _schedule(estimator)
    check_callbacks(estimator.callbacks or ())
    n_threads(estimator.n_jobs)
    if estimator.memory_limit is not None:
        n_bytes(estimator.memory_limit, "memory_limit")


def _schedule(estimator):
    return resolve_schedule(
        estimator.learning_rate,
        learning_rate_init=estimator.learning_rate_init,
        max_iter=estimator.max_iter,
        tol=estimator.tol,
        monitor="validation_score" if estimator.early_stopping else "loss",
    )
