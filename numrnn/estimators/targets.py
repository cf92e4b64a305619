"""y of any form as one flat array, a row for each target of the loss."""

import numpy as np
from sklearn.utils import check_array

from numrnn.data.containers import check_targets
from numrnn.data.forms import targets_to_sequences
from numrnn.data.sequences import Sequences
from numrnn.data.stacking import TARGETS, check_kind
from numrnn.gpu.sequences import values_on_host


def flat_targets(y, data, output, *, device="cpu", name="y"):
    """Return y with one row per sequence, or per step, checked against X.

    Parameters
    ----------
    y : array-like of shape (N,) or (N, K), or one target per step in any form
        With ``device="cuda"`` arrays on the card, too, which are copied to the host.
    data : Sequences
        X.
    output : {"sequence", "step"}
    device : {"cpu", "cuda"}, default="cpu"
    name : str
        What errors call y.

    Returns
    -------
    flat : ndarray of shape (n,) or (n, K)
        Numbers or labels, as they came.
    """
    if y is None:
        raise ValueError(f"This estimator requires y to be passed, but the target {name} is None.")
    y = values_on_host(y, device, name)
    if output == "step":
        return targets_to_sequences(y, data, name=name).values
    if _is_per_step(y, data):
        raise ValueError(
            f"{name} has one target per step, but output='sequence' takes one per sequence; set output='step'"
        )
    flat = _one_per_sequence(y, name)
    if len(flat) != len(data):
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: {[len(data), len(flat)]}; X has {len(data)} "
            f"sequences, {name} has {len(flat)} targets"
        )
    return flat


def _one_per_sequence(y, name):
    check_targets(y, name)
    try:
        flat = check_array(y, ensure_2d=False, dtype=None, input_name=name)
    except ValueError as error:
        values = np.asarray(y)
        wrong = np.argwhere(~np.isfinite(values)) if values.dtype.kind == "f" and values.ndim else []
        if len(wrong):
            raise ValueError(f"{error} ({name}[{wrong[0][0]}])") from error
        raise
    check_kind(flat.dtype, name, TARGETS)
    return flat


def _is_per_step(y, data):
    """Tell y per step where it is certain: `Sequences`, or arrays with the unequal lengths of X's sequences."""
    if isinstance(y, Sequences):
        return True
    if not isinstance(y, (list, tuple)) or len(y) != len(data) or not all(np.ndim(item) == 1 for item in y):
        return False
    lengths = data.lengths
    return lengths.min() < lengths.max() and [len(item) for item in y] == lengths.tolist()
