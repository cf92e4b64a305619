"""What `RNNSeq2Seq` reads and writes, in every form that users have it in."""

import numpy as np
from sklearn.utils.validation import check_array, validate_data

from numrnn.data.array_checks import check_list_plain
from numrnn.data.conversion import to_sequences
from numrnn.data.sequences import Sequences
from numrnn.data.symbols.checks import check_symbols, count_symbols
from numrnn.data.symbols.next_symbols import check_n_symbols, errors_name, is_text
from numrnn.data.validation import validate_sequences
from numrnn.estimators.inputs import check_many, symbols_of, vocabulary_of
from numrnn.io.messages import shown
from numrnn.network.cuda.device import on_card
from numrnn.network.cuda.device_sequences import reader_of, values_on_host, vectors_to_device_sequences


def read_source(estimator, X, *, learn=False, name="X"):
    """Return what the encoder reads as `Sequences`, checked against what the estimator was fitted on.

    Parameters
    ----------
    estimator : RNNSeq2Seq
    X : as in `fit`
    learn : bool, default=False
        Whether to learn of X: sets ``vocabulary_``, ``n_symbols_`` (None for numbers), ``_input`` and what
        `numrnn.data.validation.validate_sequences` sets.
    name : str, default="X"
        What errors call X.

    Returns
    -------
    source : Sequences, or DeviceSequences
    """
    if learn:
        estimator._input = estimator.input
        check_many(X, name)
        estimator.vocabulary_ = vocabulary_of(
            X, estimator.vocabulary, n_symbols=estimator.n_symbols, name=name, only_read=True
        )
    dtype = np.dtype(estimator.dtype if learn else estimator._architecture.dtype)
    if estimator._input == "vector":
        return _read_vectors(estimator, X, dtype, learn, name)
    if is_text(X) != (estimator.vocabulary_ is not None):
        expected, got = ("numbers", "texts") if is_text(X) else ("texts", f"{shown(X)} ({type(X).__name__})")
        raise TypeError(f"{name} must hold {expected}, like what the model was fitted on, got {got}")
    if estimator.vocabulary_ is not None:
        if not learn:
            check_n_symbols(estimator.vocabulary_, estimator._architecture.encoder.n_symbols)
        X = symbols_of(X, estimator.vocabulary_, name)
        n_symbols = len(estimator.vocabulary_)
    else:
        n_symbols = estimator.n_symbols if learn else estimator._architecture.encoder.n_symbols
    read = reader_of(estimator.device, X)
    source, _ = validate_sequences(estimator, X, dtype=dtype, reset=learn, name=name, n_symbols=n_symbols, read=read)
    if learn:
        estimator.n_symbols_ = None if n_symbols is None else count_symbols(source, n_symbols)
    return source


def _read_vectors(estimator, X, dtype, learn, name):
    if is_text(X):
        raise TypeError(f"{name} holds texts, but input='vector' takes an array of shape (N, D)")
    if learn and estimator.n_symbols is not None:
        raise ValueError(f"n_symbols={shown(estimator.n_symbols)} needs input='sequence', got input='vector'")
    if estimator.device == "cuda" and on_card(X):
        source = _vectors_on_card(estimator, X, dtype, learn, name)
    else:
        source = _vectors_of_host(estimator, X, dtype, learn, name)
    if learn:
        estimator.n_inputs_, estimator.n_symbols_, estimator._on_table = source.shape[2], None, False
    return source


def _vectors_of_host(estimator, X, dtype, learn, name):
    check_list_plain(X, name)
    with errors_name("X", name):
        values = validate_data(estimator, X, reset=learn, dtype=dtype, order="C", ensure_all_finite=False)
    with errors_name("input ", ""):
        check_array(values, input_name=name, estimator=estimator)
    return Sequences.from_array(values[:, None])


def _vectors_on_card(estimator, X, dtype, learn, name):
    read = vectors_to_device_sequences(X, dtype=dtype, name=name)
    with errors_name("X", name):
        validate_data(estimator, read.values, reset=learn, skip_check_array=True)  # looks at the shape
    return read


def read_targets(estimator, y, source, *, learn=False, name="y"):
    """Return what the decoder is to write as `Sequences`, checked.

    Parameters
    ----------
    estimator : RNNSeq2Seq
    y : as in `fit`
    source : Sequences
        X: as many sequences.
    learn : bool, default=False
        Whether to learn of y: sets ``target_vocabulary_``, ``n_target_symbols_`` (None for vectors), ``n_outputs_`` and
        ``_one_column``.
    name : str, default="y"
        What errors call y.

    Returns
    -------
    targets : Sequences
        Symbols (sum of L_i,), or vectors (sum of L_i, K).
    """
    if y is None:
        raise ValueError(f"This estimator requires y to be passed, but the target {name} is None.")
    y = values_on_host(y, estimator.device, name)
    kind, one_column = _kind_of(y, name)
    known = _known_kind(estimator) if not learn else kind
    if kind != known:
        raise TypeError(f"{name} holds {kind}, but the model was fitted on {known}")
    if learn:
        check_many(y, name)
        estimator.target_vocabulary_ = vocabulary_of(
            y, estimator.target_vocabulary, name=name, parameter="target_vocabulary"
        )
        estimator._one_column = one_column
    if kind == "vectors":
        return _same_number(source, _target_vectors(estimator, y, learn, name), name)
    vocabulary = estimator.target_vocabulary_
    n_symbols = "auto" if learn else n_target_symbols(estimator)
    if vocabulary is not None:
        if not learn:
            check_n_symbols(vocabulary, n_symbols, "target_vocabulary_")
        y, n_symbols = symbols_of(y, vocabulary, name), len(vocabulary)
    targets, _ = to_sequences(y, dtype=np.float64, name=name, allow_symbols=True)
    targets = check_symbols(targets, n_symbols, name=name)
    if learn:
        estimator.n_target_symbols_ = count_symbols(targets, n_symbols)
        estimator.n_outputs_ = estimator.n_target_symbols_ + 1
    return _same_number(source, targets, name)


def _target_vectors(estimator, y, learn, name):
    dtype = np.dtype(estimator.dtype if learn else estimator._architecture.dtype)
    targets, _ = to_sequences(y, dtype=dtype, name=name)
    K = targets.values.shape[1]
    if learn:
        estimator.n_target_symbols_, estimator.n_outputs_ = None, K
        return targets
    n_outputs = estimator._architecture.decoder.n_outputs
    if K != n_outputs:
        raise ValueError(f"{name}[0] has {K} values in a step, but the model was fitted on {n_outputs}")
    return targets


def n_target_symbols(estimator):
    """Return the number of symbols that a fitted decoder writes, without the one that ends; None for vectors."""
    decoder = estimator._architecture.decoder
    return None if decoder.n_symbols is None else decoder.n_symbols - 1


def _known_kind(estimator):
    if estimator.target_vocabulary_ is not None:
        return "texts"
    return "vectors" if n_target_symbols(estimator) is None else "symbols"


def _kind_of(y, name):
    """Texts, symbols or vectors; and whether a step of vectors is one number without an axis of its own."""
    if is_text(y):
        return "texts", False
    if not hasattr(y, "__len__") or not len(y):
        raise ValueError(f"{name} must hold a sequence for each of X, got {shown(y)}")
    if isinstance(y, Sequences) or hasattr(y, "dtype") and y.dtype != object:
        values, ndim = (y.values, y.values.ndim) if isinstance(y, Sequences) else (y, y.ndim - 1)
    else:
        values = np.asarray(next(iter(y)))
        ndim = values.ndim
    if ndim == 0:
        raise ValueError(
            f"{name}[0] is one value, expected a sequence: a text, symbols (a 1-D array of integers) or an array of "
            "shape (steps, K)"
        )
    return ("symbols" if ndim == 1 and values.dtype.kind in "iu" else "vectors"), ndim == 1


def _same_number(source, targets, name):
    if len(targets) != len(source):
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: {[len(source), len(targets)]}; "
            f"X{name[1:]} has {len(source)} sequences, {name} has {len(targets)}"
        )
    return targets
