"""Which values the parameters of estimators, and arguments of their methods, may have."""

from numbers import Integral

import numpy as np
from sklearn.utils._param_validation import Interval, Options, StrOptions

from numrnn.data.symbols.vocabulary import Vocabulary
from numrnn.estimators.parameter_table import Choice, Range, parameters_of
from numrnn.io.messages import shown
from numrnn.solvers import LBFGS

LARGEST = 2**63 - 1  # integer that kernels count with
_CONSTRAINTS = {"vocabulary": Vocabulary, "float type": Options(type, {np.float32, np.float64})}


def constraints_of(kind):
    """Return what scikit-learn checks of the parameters of an estimator's class, of this name."""
    rows = parameters_of(kind)
    return {row.name: [_constraint(allowed) for allowed in row.allows] for row in rows if row.allows is not None}


def _constraint(allowed):
    if isinstance(allowed, Range):
        return Interval(allowed.kind, allowed.left, allowed.right, closed=allowed.closed)
    if isinstance(allowed, Choice):
        return StrOptions(set(allowed.texts))
    return _CONSTRAINTS.get(allowed, allowed)


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
