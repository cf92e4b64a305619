"""Training: the loop over mini-batches, L-BFGS over the whole set, schedules, callbacks, early stopping.

Each function gets all it works on as arguments; what training continues from lies in one `TrainingState`.
"""

from importlib import import_module

_MODULE_OF = {
    "Checkpoint": "checkpoint",
    "EarlyStopping": "early_stopping",
    "EpochRecord": "state",
    "FitInfo": "callbacks",
    "ScikitLearnBridge": "callbacks",
    "TrainingDivergedError": "exceptions",
    "TrainingState": "state",
    "TrainingTerminated": "exceptions",
    "check_callbacks": "callbacks",
    "check_progress": "state_checks",
    "check_state": "state_checks",
    "counters_of": "state",
    "default_callbacks": "callbacks",
    "minimize_lbfgs": "lbfgs",
    "resolve_schedule": "schedules",
    "rest": "callbacks",
    "restore_callbacks": "state",
    "restore_state": "state",
    "train": "loop",
}

__all__ = sorted(_MODULE_OF)


def __getattr__(name):
    # The command line handles signals before it has imported anything heavy.
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'numrnn.training' has no attribute {name!r}")
    return getattr(import_module(f"numrnn.training.{_MODULE_OF[name]}"), name)
