"""Train networks: mini-batch loop, L-BFGS, learning rate schedules, callbacks and early stopping.

Each function receives all its inputs as arguments. A `TrainingState` holds everything from which training can continue.
"""

from importlib import import_module

_MODULE_OF = {
    "Checkpoint": "checkpoint",
    "EarlyStopping": "early_stopping",
    "EpochRecord": "state",
    "Monitor": "monitor",
    "PREFIX": "state",
    "FIELDS": "state",
    "FitInfo": "callbacks",
    "ScikitLearnBridge": "callbacks",
    "TimeLimit": "time_limit",
    "TrainingDivergedError": "exceptions",
    "TrainingState": "state",
    "TrainingTerminated": "exceptions",
    "check_callbacks": "callbacks",
    "check_progress": "state_checks",
    "check_state": "state_checks",
    "columns_of": "state",
    "counters_of": "state",
    "default_callbacks": "callbacks",
    "minimize_lbfgs": "lbfgs",
    "records_of": "state",
    "resolve_schedule": "schedules",
    "rest": "callbacks",
    "restore_callbacks": "state",
    "restore_state": "state",
    "train": "loop",
}

__all__ = sorted(_MODULE_OF)


def __getattr__(name):
    # Imports are lazy because the command line handles signals before it imports anything heavy.
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'numrnn.training' has no attribute {name!r}")
    return getattr(import_module(f"numrnn.training.{_MODULE_OF[name]}"), name)
