"""Read X and y of `RNNSeq2Seq` in all forms that are accepted."""

from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.validation import check_array

from numrnn.data.array_checks import check_list_plain
from numrnn.data.containers import numbers_of_objects
from numrnn.data.conversion import check_same_number, to_sequences
from numrnn.data.sequences import Sequences
from numrnn.data.sources import check_names_of_targets, names_of_targets
from numrnn.data.symbols.checks import check_symbols, count_symbols
from numrnn.data.symbols.next_symbols import check_n_symbols, is_text
from numrnn.data.symbols.vocabulary import Vocabulary
from numrnn.data.validation import Inputs, check_inputs, check_names, learn_inputs, learn_names
from numrnn.estimators.inputs import check_many, text_symbols, vocabulary_of
from numrnn.estimators.target_scale import TargetScale, learn_scale
from numrnn.estimators.targets import check_given
from numrnn.io.messages import InputError, InputTypeError, shown
from numrnn.network.architecture import reader_of, values_on_host
from numrnn.network.cuda.device import on_card
from numrnn.network.cuda.device_sequences import vectors_to_device_sequences


class SourceReader(NamedTuple):
    """Read X of an encoder.

    Parameters
    ----------
    kind : {"sequence", "vector"}
        Kind of the items of X.
    dtype : dtype
        Dtype of numbers.
    device : {"cpu", "cuda"}
    vocabulary : Vocabulary or None
        Vocabulary, if X consists of texts.
    n_symbols : int, "auto" or None
        Number of symbols, if X consists of symbols.
    inputs : Inputs or None
        Description of X that `learn` returned; None before `learn`.
    """

    kind: str
    dtype: np.dtype
    device: str
    vocabulary: Vocabulary | None = None
    n_symbols: int | str | None = None
    inputs: Inputs | None = None

    def learn(self, X, vocabulary):
        """Return X as `Sequences`, and a copy of this reader that describes X.

        If X consists of texts, the new reader has a fitted copy of the parameter `vocabulary`.
        """
        check_many(X, "X")
        learnt = vocabulary_of(X, vocabulary, n_symbols=self.n_symbols, only_read=True)
        reader = self._replace(vocabulary=learnt)
        if self.kind == "vector":
            source, inputs = reader._vectors(X, "X")
            return source, reader._replace(inputs=inputs)
        if learnt is not None:
            inputs = Inputs("RNNSeq2Seq", n_inputs=1, n_features=1, on_table=False)
            return text_symbols(X, learnt, "X"), reader._replace(n_symbols=len(learnt), inputs=inputs)
        options = {"dtype": self.dtype, "n_symbols": self.n_symbols, "read": reader_of(self.device, X)}
        source, _, inputs = learn_inputs(X, "RNNSeq2Seq", **options)
        n_symbols = None if self.n_symbols is None else count_symbols(source, self.n_symbols)
        return source, reader._replace(n_symbols=n_symbols, inputs=inputs)

    def read(self, X, name="X"):
        """Return X as `Sequences` or `DeviceSequences`, after a check that it fits the description in this reader."""
        if self.kind == "vector":
            return self._vectors(X, name)[0]
        if is_text(X) != (self.vocabulary is not None):
            expected, got = ("numbers", "strings") if is_text(X) else ("strings", f"{shown(X)} ({type(X).__name__})")
            raise InputTypeError(name, (), f"must hold {expected}, as in fit, got {got}")
        if self.vocabulary is not None:
            check_n_symbols(self.vocabulary, self.n_symbols)
            return text_symbols(X, self.vocabulary, name)
        options = {"dtype": self.dtype, "n_symbols": self.n_symbols, "read": reader_of(self.device, X)}
        return check_inputs(X, self.inputs, name=name, **options)[0]

    def _vectors(self, X, name):
        """Return the rows of a table as sequences of one step, and the description of its columns as `Inputs`."""
        if is_text(X):
            raise InputTypeError(name, (), "holds strings, expected an array of shape (N, D) with input='vector'")
        inputs, names = self.inputs, None
        if inputs is None and self.n_symbols is not None:
            expected = "must be None with input='vector'"
            raise InputError("n_symbols", (), f"={shown(self.n_symbols)}: {expected}; or set input='sequence'")
        if self.device == "cuda" and on_card(X):
            source = vectors_to_device_sequences(X, dtype=self.dtype, name=name)
        else:
            check_list_plain(X, name)
            if isinstance(X, np.ndarray) and X.dtype == object:
                X = numbers_of_objects(X, name)
            if inputs is None:
                names = learn_names(X, "RNNSeq2Seq", name)
            else:
                check_names(X, inputs, name=name)
            values = check_array(X, dtype=self.dtype, order="C", ensure_all_finite=False, estimator="RNNSeq2Seq")
            wrong = np.argwhere(~np.isfinite(values))
            if len(wrong):
                found = "NaN" if np.isnan(values).any() else f"infinity or a value too large for {shown(self.dtype)}"
                raise InputError(name, tuple(wrong[0].tolist()), f"is not a finite number: {name} contains {found}")
            source = Sequences.from_array(values[:, None])
        D = source.shape[2]
        if inputs is None:
            return source, Inputs("RNNSeq2Seq", D, D, False, names)
        if D != inputs.n_features:
            expecting = f"RNNSeq2Seq is expecting {inputs.n_features} features as input"
            raise InputError(name, (), f"has {D} features, but {expecting}")
        return source, inputs


class TargetReader(NamedTuple):
    """Read the targets of a decoder.

    Parameters
    ----------
    dtype : dtype
        Dtype of vectors.
    device : {"cpu", "cuda"}
    vocabulary : Vocabulary or None
        Vocabulary, if the targets are texts.
    n_symbols : int or None
        Number of symbols, not counting the boundary symbol; None for vectors.
    n_outputs : int or None
        Number of outputs of the decoder per step: symbols and boundary symbol, or columns of vectors. None before
        `learn`.
    one_column : bool
        Whether a vector is written as a single number: y[i] has the shape (steps,), not (steps, 1).
    names : sequence of str or None
        Names of the columns, if the vectors come from data frames.
    scale : TargetScale
        Mean and scale of the vectors.
    """

    dtype: np.dtype
    device: str
    vocabulary: Vocabulary | None = None
    n_symbols: int | None = None
    n_outputs: int | None = None
    one_column: bool = False
    names: Any = None
    scale: TargetScale = TargetScale()

    @property
    def kind(self):
        """Return the kind of the targets: "texts", "symbols" or "vectors"."""
        if self.vocabulary is not None:
            return "texts"
        return "vectors" if self.n_symbols is None else "symbols"

    def learn(self, y, vocabulary, n_sequences, scale_targets=False):
        """Return y as `Sequences` of symbols or vectors, and a copy of this reader that describes y.

        If y consists of texts, the new reader has a fitted copy of the parameter `vocabulary`. X has `n_sequences`
        sequences. With `scale_targets`, vectors are standardised.
        """
        y, kind, one_column = self._looked_at(y, "y")
        check_many(y, "y")
        learnt = vocabulary_of(y, vocabulary, name="y", parameter="target_vocabulary")
        reader = self._replace(vocabulary=learnt, one_column=one_column)
        if kind == "vectors":
            targets, _ = to_sequences(y, dtype=np.float64 if scale_targets else self.dtype, name="y")
            scale = learn_scale(targets.values) if scale_targets else TargetScale()
            names = names_of_targets(y, "y")
            reader = reader._replace(n_outputs=targets.values.shape[1], names=names, scale=scale)
            targets = reader._standardised(targets, "y")
        elif scale_targets is True:
            expected = f'must be "auto" or False with {kind} in y; only vectors are scaled'
            raise InputError("scale_targets", (), f"=True: {expected}")
        else:
            targets = reader._symbols(y, "auto", "y")
            n_symbols = count_symbols(targets, "auto") if learnt is None else len(learnt)
            reader = reader._replace(n_symbols=n_symbols, n_outputs=n_symbols + 1)
        check_same_number(n_sequences, len(targets), "y")
        return targets, reader

    def read(self, y, n_sequences, name="y"):
        """Return y as `learn` does, after a check that it fits the description in this reader."""
        y, kind, _ = self._looked_at(y, name)
        if kind != self.kind:
            raise InputTypeError(name, (), f"holds {kind}, but the model was fitted on {self.kind}: pass {self.kind}")
        if kind == "vectors":
            check_names_of_targets(y, self.names, name)
            targets, _ = to_sequences(y, dtype=self.dtype if self.scale.mean is None else np.float64, name=name)
            K = targets.values.shape[1]
            if K != self.n_outputs:
                found = f"has {K} values in a step"
                raise InputError(name, (0,), f"{found}, but the model was fitted on {self.n_outputs} values per step")
            targets = self._standardised(targets, name)
        else:
            if self.vocabulary is not None:
                check_n_symbols(self.vocabulary, self.n_symbols, "target_vocabulary_")
            targets = self._symbols(y, self.n_symbols, name)
        check_same_number(n_sequences, len(targets), name)
        return targets

    def _standardised(self, targets, name):
        if self.scale.mean is None:
            return targets
        return Sequences._from_known(self.scale.standardised(targets.values, self.dtype, name), targets.offsets)

    def _looked_at(self, y, name):
        check_given(y, name)
        y = values_on_host(y, self.device, name)
        return y, *_kind_of(y, name)

    def _symbols(self, y, n_symbols, name):
        if self.vocabulary is not None:
            return text_symbols(y, self.vocabulary, name)
        targets, _ = to_sequences(y, dtype=np.float64, name=name, allow_symbols=True)
        return check_symbols(targets, n_symbols, name=name)


def _kind_of(y, name):
    """Return the kind of targets, and whether each vector is written as a single number."""
    if is_text(y):
        return "texts", False
    if not hasattr(y, "__len__") or not len(y):
        raise InputError(name, (), f"must hold one sequence for each sequence of X, got {shown(y)}")
    if isinstance(y, Sequences) or hasattr(y, "dtype") and y.dtype != object:
        values, ndim = (y.values, y.values.ndim) if isinstance(y, Sequences) else (y, y.ndim - 1)
    else:
        values = np.asarray(next(iter(y)))
        ndim = values.ndim
    if ndim == 0:
        expected = "a string, symbols (a 1-D array of integers) or an array of shape (steps, K)"
        raise InputError(name, (0,), f"is one value, expected a sequence: {expected}")
    return ("symbols" if ndim == 1 and values.dtype.kind in "iu" else "vectors"), ndim == 1
