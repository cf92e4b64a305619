"""Train the estimator of ``numrnn fit``."""

import time
import warnings
from contextlib import contextmanager
from types import SimpleNamespace

from numrnn.cli.options import Failure, names_options
from numrnn.cli.texts import names_lines

__all__ = [
    "Course",
    "Stopwatch",
    "check_memory",
    "fold_scaler",
    "has_validation",
    "is_language_model",
    "is_pair",
    "prepare",
    "train",
    "watches_test",
]


class Course:
    """Record, as a callback, whether training has begun and why it ended.

    Attributes
    ----------
    began : bool
        Whether training has begun.
    stop_reason : str or None
        Reason why training ended, as in `TrainingState`.
    """

    def __init__(self):
        self.began, self.stop_reason = False, None

    def on_fit_begin(self, info):
        self.began = True

    def on_fit_end(self, info):
        self.stop_reason = info.state.stop_reason

    @contextmanager
    def tells_faults(self):
        """Convert ValueErrors and TypeErrors to failures once training has begun: the input is not their cause then."""
        from numrnn.data.shards.sequences import ValueOfFileError
        from numrnn.network.cpu.workspaces import MemoryLimitError

        try:
            yield
        except (ValueOfFileError, MemoryLimitError):  # errors about input that show only in training
            raise
        except (ValueError, TypeError) as error:
            if self.began:
                raise Failure(f"{type(error).__name__}: {error}") from error
            raise


class Stopwatch:
    """Measure the seconds between calls of `lap`, and store them by name."""

    def __init__(self):
        self.seconds = {}
        self._last = time.perf_counter()

    def lap(self, name):
        now = time.perf_counter()
        self.seconds[name], self._last = now - self._last, now
        return self.seconds[name]


def is_language_model(estimator):
    """Return whether an estimator is a language model."""
    from numrnn import RNNLanguageModel

    return isinstance(estimator, RNNLanguageModel)


def is_pair(estimator):
    """Return whether an estimator is an encoder-decoder."""
    from numrnn import RNNSeq2Seq

    return isinstance(estimator, RNNSeq2Seq)


def prepare(estimator, parts):
    """Check parameters and data before training; errors name positions in the file."""
    train, test = parts["train"], parts.get("test")
    with names_options("monitor", "scoring", "validation", "gap"):
        _check_validation(estimator, parts)
    if is_language_model(estimator):
        _prepare_language_model(estimator, train, test)
        return
    if is_pair(estimator):
        _prepare_pairs(estimator, train, test)
        return
    with names_lines(train), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # `fit` repeats these warnings
        estimator.initialize(train.X, train.y)
        if test is not None:
            _check_test(estimator, test)


def _check_validation(estimator, parts):
    """Raise an error if parameters contradict each other about validation data, or need some that are missing."""
    from numrnn.estimators.problem import Arguments

    estimator._validate_params()
    options = estimator._options()
    options.check()
    held = parts["test"].X if watches_test(estimator, parts) else None
    advice = "; pass --validation last or --early-stopping, which hold out a part of the training data"
    with names_options("monitor", "scoring", advice=advice):
        options.holds_out(Arguments(parts["train"].X, X_val=held))


def _prepare_pairs(estimator, train, test):
    """Learn the symbols of all pairs, including the pairs of the test set."""
    parts = [part for part in (train, test) if part is not None]
    for part in parts:
        with names_lines(part):
            estimator.initialize(part.X, part.y)
    estimator.initialize([text for part in parts for text in part.X], [text for part in parts for text in part.y])


def _prepare_language_model(estimator, train, test):
    """Learn the symbols of all texts, so that the test set has no unknown symbols."""
    estimator.initialize(train.X if test is None else train.X + test.X)
    with names_lines(train, "the text to train on"), names_lines(test, "the text to test on", "_val"):
        estimator._check_texts(train.X, None if test is None else test.X)


def check_memory(estimator, part):
    """Raise an error before kernels are compiled if the memory limit is too low for one thread.

    The limit is compared with a lower bound of the memory that training needs, whichever sequences are held out.
    Encoder-decoders are checked only by training itself.
    """
    import numpy as np

    from numrnn.network.cpu.workspaces import affordable_threads

    if estimator.memory_limit is None or estimator.device != "cpu" or is_pair(estimator):
        return
    lengths, size, steps = _sizes(estimator, part)
    held = estimator.validation_fraction if _holds_out(estimator) else 0
    kept = np.sort(lengths)[: max(1, int(len(lengths) * (1 - held)))]
    most = len(lengths) // 2 if held else len(lengths)
    longest = min(kept[-1], steps or kept[-1])
    rows = np.full(max(1, min(size, most)), min(kept[0], longest))
    rows[0] = longest
    network = estimator._architecture.network(1, estimator.memory_limit)
    batch = SimpleNamespace(first=np.array([0, len(rows)]), lengths=rows)
    affordable_threads(1, network.layout, network.memory, batch, network.tile_rows)


def _sizes(estimator, part):
    """Return the lengths of the sequences or streams, the size of mini-batches, and the steps of a chunk or None."""
    import numpy as np

    from numrnn.data.sources import Targets
    from numrnn.estimators.language_model.fitting import sizes_of
    from numrnn.estimators.problem import batch_size_of

    options = estimator.batch_size, estimator.bptt_steps
    if isinstance(part.X, str):
        count, steps = sizes_of(np.array([len(part.X) - 1]), True, *options)
        return np.full(count, max(1, len(part.X) // count)), count, steps
    lengths = part.X.lengths if hasattr(part.X, "lengths") else estimator.vocabulary_.transform(part.X).lengths
    if is_language_model(estimator):
        return lengths, *sizes_of(lengths, False, *options)
    # Weights can only make mini-batches larger, and a lower bound is wanted.
    return lengths, batch_size_of(estimator.batch_size, len(lengths), Targets(None)), estimator.bptt_steps


def _check_test(estimator, part):
    with names_lines(part, suffix="_val"):
        estimator._read_validation(part.X, part.y)


def train(estimator, parts, callbacks, *, scale, resume, comm):
    """Fit to the training set; evaluate the test set after each epoch, unless that could influence the model."""
    inputs = {name: part.X for name, part in parts.items()}
    if scale:
        from numrnn.data.scaler import SequenceScaler

        scaler = SequenceScaler().fit(inputs["train"])
        inputs = {name: scaler.transform(X) for name, X in inputs.items()}
    # Models that generate texts continue from `prepare`, which learned the symbols of training and test set.
    goes_on = is_language_model(estimator) or is_pair(estimator)
    watched = {}
    if watches_test(estimator, parts):
        watched = {"X_val": inputs["test"]} | ({} if parts["test"].y is None else {"y_val": parts["test"].y})
    watched |= _weights(parts, watched)
    estimator.set_params(callbacks=callbacks, warm_start=goes_on)
    advice = "; --no-early-stopping trains on all of them"
    with names_options("early_stopping", "validation_fraction", advice=advice):
        estimator.fit(inputs["train"], parts["train"].y, resume=resume, comm=comm, **watched)
    estimator.set_params(callbacks=None, warm_start=False)
    if scale:
        fold_scaler(estimator, scaler)


def _weights(parts, watched):
    """Return the sample weights of training and test set as keyword arguments of `fit`."""
    weights = {name: getattr(parts.get(name), "sample_weight", None) for name in ("train", "test")}
    names = {"train": "sample_weight"} | ({"test": "sample_weight_val"} if watched else {})
    return {names[name]: weights[name] for name in names if weights[name] is not None}


def watches_test(estimator, parts):
    """Return whether validation loss and scores are computed on the test set, which must not influence the model."""
    chooses = estimator._options().restores_best or estimator.learning_rate == "adaptive"
    return "test" in parts and not chooses and not _holds_out(estimator)


def has_validation(estimator, parts):
    """Return whether there is a validation loss, of a part that is held out or of the test set."""
    return _holds_out(estimator) or watches_test(estimator, parts)


def _holds_out(estimator):
    return estimator._options().wants_held_out


def fold_scaler(estimator, scaler):
    """Change a network trained on standardised inputs so that it accepts the original inputs.

    Since U ((x - mean) / scale) + b = (U / scale) x + (b - U (mean / scale)), the network computes the same function,
    up to rounding, and the scaler need not be saved.

    Parameters
    ----------
    estimator : RNNClassifier or RNNRegressor
        Estimator that was fitted on the result of `scaler`; U and b of its first layer are replaced.
    scaler : SequenceScaler
        The fitted scaler.

    Returns
    -------
    estimator : the same estimator
    """
    import numpy as np

    weights = {name: np.array(values, dtype=np.float64) for name, values in estimator.weights_.items()}
    U = weights["layers.0.U"] / scaler.scale_
    weights["layers.0.b"] -= U @ scaler.mean_
    weights["layers.0.U"] = U
    estimator.set_weights(weights)
    return estimator
