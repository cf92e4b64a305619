"""The training of ``numrnn fit``."""

from contextlib import contextmanager

from numrnn.cli.arguments import Failure, UsageError

__all__ = ["Course", "check_test", "train", "watches_test"]


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


def check_test(estimator, part):
    """Refuse a part to test on that does not fit, in the file's words, before time goes into training."""
    from numrnn.estimators.fitting import hold_out

    try:
        hold_out(estimator, None, None, part.X, part.y, None)
    except (ValueError, TypeError) as error:
        raise UsageError(str(error).replace("X_val", "values_test").replace("y_val", "y_test")) from error


def train(estimator, parts, course, *, scale):
    """Fit to the part to train on; the part to test on is watched, unless something would be chosen by it."""
    inputs = {name: part.X for name, part in parts.items()}
    if scale:
        from numrnn.data.scaler import SequenceScaler
        from numrnn.estimators.scaling import fold_scaler

        scaler = SequenceScaler().fit(inputs["train"])
        inputs = {name: scaler.transform(X) for name, X in inputs.items()}
    watched = {"X_val": inputs["test"], "y_val": parts["test"].y} if watches_test(estimator, parts) else {}
    estimator.set_params(callbacks=[course]).fit(inputs["train"], parts["train"].y, **watched)
    estimator.set_params(callbacks=None)
    if scale:
        fold_scaler(estimator, scaler)


def watches_test(estimator, parts):
    """Whether the part to test on is what validation loss and score are measured on."""
    return "test" in parts and not estimator.early_stopping
