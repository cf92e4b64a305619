"""The training of ``numrnn fit``."""

import re
import time
from contextlib import contextmanager

from numrnn.cli.arguments import Failure, UsageError
from numrnn.cli.texts import names_lines

__all__ = ["Course", "Stopwatch", "is_language_model", "prepare", "train", "watches_test"]


class Course:
    """A callback that knows whether training has begun, and why it ended.

    Attributes
    ----------
    began : bool
    stop_reason : str or None
        As in `TrainingState`.
    """

    def __init__(self):
        self.began, self.stop_reason = False, None

    def on_fit_begin(self, info):
        self.began = True

    def on_fit_end(self, info):
        self.stop_reason = info.state.stop_reason

    @contextmanager
    def tells_faults(self):
        """Input is checked before training begins: an error of its kind that comes later is a failure of ours."""
        try:
            yield
        except (ValueError, TypeError) as error:
            if self.began:
                raise Failure(f"{type(error).__name__}: {error}") from error
            raise


class Stopwatch:
    """Seconds between laps, by name."""

    def __init__(self):
        self.seconds = {}
        self._last = time.perf_counter()

    def lap(self, name):
        now = time.perf_counter()
        self.seconds[name], self._last = now - self._last, now
        return self.seconds[name]


def is_language_model(estimator):
    """Whether an estimator reads texts for their own sake."""
    from numrnn import RNNLanguageModel

    return isinstance(estimator, RNNLanguageModel)


def prepare(estimator, parts):
    """Refuse parameters and data that do not fit, in the file's words, before time goes into training."""
    train, test = parts["train"], parts.get("test")
    if is_language_model(estimator):
        _prepare_language_model(estimator, train.X, None if test is None else test.X)
        return
    with names_lines(train):
        estimator.initialize(train.X, train.y)
    if test is not None:
        _check_test(estimator, test)


def _prepare_language_model(estimator, text, test):
    """Learn the symbols of all there is, so that the part to test on has none that is not known."""
    from numrnn.estimators.text_fitting import hold_out_texts
    from numrnn.estimators.text_steps import read_known

    estimator.initialize(text if test is None else text + test)
    try:
        hold_out_texts(estimator, *read_known(estimator, text), test)
    except (ValueError, TypeError) as error:
        names = {"X": "the text to train on", "X_val": "the text to test on"}
        raise UsageError(re.sub(r"^(X_val|X)\b", lambda found: names[found[0]], str(error))) from error


def _check_test(estimator, part):
    from numrnn.estimators.fitting import hold_out

    try:
        with names_lines(part):
            hold_out(estimator, None, None, part.X, part.y, None)
    except (ValueError, TypeError) as error:
        raise UsageError(str(error).replace("X_val", "values_test").replace("y_val", "y_test")) from error


def train(estimator, parts, callbacks, *, scale, resume, comm):
    """Fit to the part to train on; the part to test on is watched, unless something would be chosen by it."""
    inputs = {name: part.X for name, part in parts.items()}
    if scale:
        from numrnn.data.scaler import SequenceScaler
        from numrnn.estimators.scaling import fold_scaler

        scaler = SequenceScaler().fit(inputs["train"])
        inputs = {name: scaler.transform(X) for name, X in inputs.items()}
    # A language model goes on from what it was prepared with: the symbols of all there is.
    goes_on = is_language_model(estimator)
    watched = {}
    if watches_test(estimator, parts):
        watched = {"X_val": inputs["test"]} | ({} if goes_on else {"y_val": parts["test"].y})
    watched |= _weights(parts, watched)
    estimator.set_params(callbacks=callbacks, warm_start=goes_on)
    estimator.fit(inputs["train"], parts["train"].y, resume=resume, comm=comm, **watched)
    estimator.set_params(callbacks=None, warm_start=False)
    if scale:
        fold_scaler(estimator, scaler)


def _weights(parts, watched):
    """The weights that the data have, as arguments of `fit`."""
    weights = {name: getattr(parts.get(name), "sample_weight", None) for name in ("train", "test")}
    names = {"train": "sample_weight"} | ({"test": "sample_weight_val"} if watched else {})
    return {names[name]: weights[name] for name in names if weights[name] is not None}


def watches_test(estimator, parts):
    """Whether the part to test on is what validation loss and score are measured on."""
    return "test" in parts and not estimator.early_stopping
