"""Define solvers: objects that hold the options of an update rule, but no learning rate and no state.

A solver is a scikit-learn `BaseEstimator`, so `clone`, `get_params` and `solver__beta_2` work. To write a solver,
derive from `Solver`: `init_state` returns the flat arrays that are kept between steps, `rule` chooses one of the
compiled update rules of `numrnn.kernels.cpu.updates`, and `scalars` returns the numbers that the rule needs. Only
compiled rules are possible, since they run between mini-batches without a return to Python.
"""

from numrnn.io.messages import InputError, InputTypeError, shown
from numrnn.solvers.adam import Adam, AdamW
from numrnn.solvers.base import Solver
from numrnn.solvers.lbfgs import LBFGS
from numrnn.solvers.rmsprop import RMSprop
from numrnn.solvers.sgd import SGD

__all__ = ["LBFGS", "SGD", "Adam", "AdamW", "RMSprop", "Solver", "resolve_solver"]

_BY_NAME = {"sgd": SGD, "adam": Adam, "adamw": AdamW, "rmsprop": RMSprop, "lbfgs": LBFGS}


def resolve_solver(solver):
    """Return the solver object for the parameter `solver`, after a check of its options.

    A name gives the solver with its default options. Raises ValueError if the name is unknown or an option is out of
    range, and TypeError if `solver` is neither a name nor a solver object or an option has a wrong type.
    """
    if isinstance(solver, str):
        if solver not in _BY_NAME:
            expected = f"must be one of {sorted(_BY_NAME)} or a solver object such as Adam()"
            raise InputError("solver", (), f"{expected}, got {shown(solver)}")
        solver = _BY_NAME[solver]()
    if not isinstance(solver, Solver):
        expected = f"must be one of {sorted(_BY_NAME)} or a solver object such as Adam()"
        raise InputTypeError("solver", (), f"{expected}, got {shown(solver)}")
    solver.check_options()
    if not isinstance(solver, LBFGS):
        solver.rule()
    return solver
