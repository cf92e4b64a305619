"""Which values the parameters of estimators, and arguments of their methods, may have."""

from numbers import Integral, Real

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions

from numrnn.data.symbols.vocabulary import Vocabulary
from numrnn.io.messages import shown
from numrnn.solvers import LBFGS

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
