"""Compile kernels to the disk cache ahead of a job."""

from collections.abc import Iterable

import numpy as np

from numrnn.data.sequences import Sequences
from numrnn.estimators.language_model.estimator import RNNLanguageModel
from numrnn.estimators.parameter_table import choices_of
from numrnn.estimators.regressor import RNNRegressor

CELLS = choices_of("cell")


def warmup(
    cells: Iterable[str] = CELLS,
    dtypes: Iterable[str] = ("float32",),
    symbols: bool = False,
    bidirectional: bool = False,
    memory_limit: bool = False,
) -> None:
    """Compile all kernels of fits and predictions and store them in the disk cache.

    The cache is in the folder `NUMBA_CACHE_DIR` or, if this variable is not set, in `numrnn` in the user's cache
    folder. Kernels in the cache are used only by the same versions of numrnn and Numba on the same kind of processor.
    If the kernels have been compiled before, `warmup` only reads the cache.

    Parameters
    ----------
    cells : iterable of str
        Cells to compile for, see the estimators' parameter `cell`.
    dtypes : iterable of {"float32", "float64"}
        Precisions to compile for.
    symbols : bool
        Whether to compile the kernels that read symbols and generate texts.
    bidirectional : bool
        Whether to compile bidirectional layers; with `symbols`, also bidirectional layers that read symbols.
    memory_limit : bool
        Ignored: training within a `memory_limit` uses the same kernels.

    Raises
    ------
    ValueError
        If a cell or a precision is unknown.

    Examples
    --------
    >>> import numrnn
    >>> numrnn.warmup(cells=["elman"])
    """
    X, y = np.zeros((2, 3, 1)), np.zeros(2)
    for cell in cells:
        for dtype in dtypes:
            model = RNNRegressor((1,), cell=cell, dtype=dtype, max_iter=1, random_state=0)
            _fitted(model, X, y, X_val=X, y_val=y).predict(X)
            model.predict_step(X[0, 0])
            network = model._architecture.network()
            network.predict_packed(Sequences.from_array(X.astype(dtype)), in_teams=True)
            if symbols:
                model = RNNLanguageModel((1,), cell=cell, dtype=dtype, batch_size=1, max_iter=1, random_state=0)
                _fitted(model, [0, 1, 0], method="partial_fit").generate([0], 1)  # `fit` would warn
            if bidirectional:
                options = {"cell": cell, "dtype": dtype, "max_iter": 1, "random_state": 0, "bidirectional": True}
                _fitted(RNNRegressor((1,), **options), X, y).predict(X)
                if symbols:
                    _fitted(RNNRegressor((1,), n_symbols=2, **options), [[0, 1]] * 2, y).predict([[0, 1]])


def _fitted(model, *data, method="fit", **watched):
    getattr(model, method)(*data, **watched)
    if model._state.stop_reason == "interrupted":
        raise KeyboardInterrupt  # `fit` returns after Ctrl-C, but `warmup` must stop
    return model
