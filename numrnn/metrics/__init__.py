"""Measure predictions of sequences, and name the measures for `scoring`.

The functions follow scikit-learn's conventions: `y_true` comes first, and sequences may have any lengths.
"""

from numrnn.metrics.edits import edit_distance, exact_match
from numrnn.metrics.scorers import get_scorer, get_scorer_names, make_step_scorer
from numrnn.metrics.spans import span_f1
from numrnn.metrics.steps import sequence_log_loss, step_accuracy, step_log_loss

__all__ = [
    "edit_distance", "exact_match", "get_scorer", "get_scorer_names", "make_step_scorer", "sequence_log_loss",
    "span_f1", "step_accuracy", "step_log_loss",
]  # fmt: skip
