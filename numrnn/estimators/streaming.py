"""Check steps and states of `predict_step`, which carries states from one step to the next."""

import numpy as np

from numrnn.data.array_checks import check_plain
from numrnn.data.symbols.next_symbols import check_n_symbols
from numrnn.data.validation import check_names_of_step
from numrnn.estimators.inputs import step_symbols
from numrnn.io.messages import InputError, InputTypeError, shown


class StepState:
    """Hold the states of streams, which `predict_step` returns and which are passed to its next call.

    `predict_step` does not modify the state passed to it, so a state can be pickled, or kept and used again.

    Parameters
    ----------
    values : ndarray of shape (n_streams, state_size)
        States of all layers, one row per stream. Rows may be selected, reordered and combined: for example,
        ``StepState(state.values[keep])`` continues only the streams with the indices `keep`.

    Examples
    --------
    >>> import numpy as np
    >>> from numrnn.estimators import StepState
    >>> state = StepState(np.zeros((3, 64), dtype=np.float32))
    >>> state
    StepState(n_streams=3, state_size=64)
    >>> len(StepState(state.values[[0, 2]]))
    2
    """

    __slots__ = ("_values",)  # saves time, since every step creates a StepState

    def __init__(self, values: np.ndarray):
        self._values = values

    @property
    def values(self) -> np.ndarray:
        """Return the states, an array of shape (n_streams, state_size)."""
        return self._values

    def __reduce__(self):
        return type(self), (self._values,)

    def __len__(self):
        return len(self.values)

    def __repr__(self):
        return f"StepState(n_streams={self.values.shape[0]}, state_size={self.values.shape[1]})"


def is_plain_step(x, state, predictor):
    """Return whether x and state belong to a single stream and need only the checks for NaN and infinity."""
    if type(x) is not np.ndarray or x.dtype is not predictor.dtype or x.shape != predictor.step_shape:
        return False
    if predictor.network.pooling != "last":
        return False
    if state is None:
        return True
    if type(state) is not StepState:
        return False
    values = state.values
    return type(values) is np.ndarray and values.dtype is predictor.dtype and values.shape == predictor.state_shape


def check_step(x, n_inputs, dtype):
    """Return x as an array of shape (n_streams, D), and whether x was the step of a single stream."""
    check_plain(x, "x")
    x = np.asarray(x)
    if x.dtype.kind not in "fiub":
        raise InputTypeError("x", (), f"must hold real numbers, got dtype {x.dtype}")
    if x.ndim not in (1, 2) or x.shape[-1] != n_inputs:
        expected = f"must have shape ({n_inputs},), a step of one stream, or (n_streams, {n_inputs})"
        raise InputError("x", (), f"{expected}, got {x.shape}")
    single = x.ndim == 1
    if x.size == 0:
        raise InputError("x", (), f"must hold a step of at least one stream, got shape {x.shape}")
    x = np.ascontiguousarray(np.atleast_2d(x), dtype=dtype)
    if not np.isfinite(x).all():
        raise InputError("x", (), f"contains NaN or infinity, or a value too large for {x.dtype}")
    return x, single


def check_symbol(x, n_symbols):
    """Return x as symbols of shape (n_streams,), and whether x was the symbol of a single stream."""
    check_plain(x, "x")
    x = np.asarray(x)
    if x.dtype.kind not in "iu" or x.ndim > 1 or x.size == 0:
        expected = "must be a symbol (an integer) or an array of integers of shape (n_streams,)"
        raise InputError("x", (), f"{expected}, got {x.dtype} of shape {x.shape}")
    if x.min() < 0 or x.max() >= n_symbols:
        found = x.min() if x.min() < 0 else x.max()
        raise InputError("x", (), f"holds the symbol {found}, expected symbols from 0 to {n_symbols - 1}")
    return np.atleast_1d(x).astype(np.min_scalar_type(n_symbols - 1)), x.ndim == 0


def check_state(state, n_streams, state_size, dtype):
    """Return the values of a `StepState`, or None if `state` is None, which stands for zeros."""
    if state is None:
        return None
    if not isinstance(state, StepState):
        expected = "must be None or a StepState that predict_step returned"
        raise InputTypeError("state", (), f"{expected}, got {type(state).__name__}")
    values = _numbers(state.values, "state")
    if values.shape != (n_streams, state_size):
        expected = f"must have shape ({n_streams}, {state_size}), one row per stream in x"
        raise InputError("state", (), f"{expected}, got {values.shape}")
    return _finite(values, dtype, "state")


def check_first_states(state, n_sequences, state_size, dtype, name="state"):
    """Return initial states as an array of shape (n_sequences, state_size), or None if `state` is None."""
    if state is None:
        return None
    values = _numbers(state.values if isinstance(state, StepState) else state, name)
    if values.shape != (n_sequences, state_size):
        expected = f"must have shape {(n_sequences, state_size)}, a row for each sequence with the states of all layers"
        raise InputError(name, (), f"{expected}, got {values.shape}")
    return _finite(values, dtype, name)


def _numbers(values, name):
    check_plain(values, name)
    try:
        values = np.asarray(values)
    except ValueError as error:  # NumPy's message does not name the argument
        raise InputError(name, (), "must be an array whose rows have the same length") from error
    if values.dtype.kind not in "fiu":
        raise InputTypeError(name, (), f"must hold real numbers, got dtype {values.dtype}")
    return values


def _finite(values, dtype, name):
    with np.errstate(over="ignore"):
        values = values.astype(dtype, copy=False)
    if not np.isfinite(values).all():
        raise InputError(name, (), f"contains NaN or infinity, or a value too large for {values.dtype}")
    return values


def read_step(x, state, predictor, reader):
    """Return x and state of `predict_step` as arrays, and whether there is a single stream.

    Returns
    -------
    x : ndarray of shape (n_streams, D), or (n_streams,) of symbols
    values : ndarray of shape (n_streams, state_size) or None
    single : bool
    """
    layout, pooling = predictor.network.layout, predictor.network.pooling
    if pooling != "last":
        why = "predict_step needs pooling='last', because the state does not hold the values pooled so far"
        raise InputError("pooling", (), f"={shown(pooling)}: {why}; use predict")
    if layout.bidirectional:
        why = "predict_step needs bidirectional=False, because the reverse direction begins at the end of the sequence"
        raise InputError("bidirectional", (), f"=True: {why}; use predict")
    if reader.n_symbols is None:
        check_names_of_step(x, reader.inputs.names)
        x, single = check_step(x, layout.n_inputs, predictor.dtype)
    else:
        if reader.vocabulary is not None:
            check_n_symbols(reader.vocabulary, reader.n_symbols)
            x = step_symbols(x, reader.vocabulary)
        x, single = check_symbol(x, reader.n_symbols)
    return x, check_state(state, len(x), predictor.state_shape[1], predictor.dtype), single
