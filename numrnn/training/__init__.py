"""Training: the loop over mini-batches, L-BFGS over the whole set, schedules, callbacks, early stopping.

Each function gets all it works on as arguments; what training continues from lies in one `TrainingState`.
"""

from numrnn.training.callbacks import FitInfo, check_callbacks, default_callbacks, rest
from numrnn.training.checkpoint import Checkpoint
from numrnn.training.early_stopping import EarlyStopping
from numrnn.training.exceptions import TrainingDivergedError, TrainingTerminated
from numrnn.training.lbfgs import minimize_lbfgs
from numrnn.training.loop import train
from numrnn.training.schedules import resolve_schedule
from numrnn.training.sklearn_callbacks import ScikitLearnBridge
from numrnn.training.state import EpochRecord, TrainingState, counters_of, restore_callbacks, restore_state
from numrnn.training.state_checks import check_progress, check_state

__all__ = [
    "Checkpoint",
    "EarlyStopping",
    "EpochRecord",
    "FitInfo",
    "ScikitLearnBridge",
    "TrainingDivergedError",
    "TrainingState",
    "TrainingTerminated",
    "check_callbacks",
    "check_progress",
    "check_state",
    "counters_of",
    "default_callbacks",
    "minimize_lbfgs",
    "resolve_schedule",
    "rest",
    "restore_callbacks",
    "restore_state",
    "train",
]
