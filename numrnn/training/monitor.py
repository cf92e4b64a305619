"""Compare epochs by a monitored value."""

import math
from typing import NamedTuple

from numrnn.io.messages import InputError, shown


class Monitor(NamedTuple):
    """Compare epochs by one value of their records.

    Parameters
    ----------
    name : str, default="loss"
        "loss" is the validation loss or, without validation data, the training loss; "score" is the validation score;
        any other name must be an entry of `scoring`.
    tol : float, default=1e-4
        A loss is better than the best loss if it is below best - tol |best|; a score is better if it is above best +
        tol.
    """

    name: str = "loss"
    tol: float = 1e-4

    def badness(self, record):
        """Return the value of an epoch's record, with the sign of scores reversed, so that lower is better."""
        if self.name == "loss":
            return _loss_of(record)
        if self.name == "score":
            return -record.validation_score
        return -record.scores.get(self.name, math.nan)

    def value(self, badness):
        """Return the value of which `badness` is the value or, for a score, its negative."""
        return badness if self.name == "loss" else -badness

    def check(self, scores):
        """Raise an error unless the monitored value is a loss, the score, or one of `scores`."""
        if self.name not in ("loss", "score", *scores):
            known = ", ".join(map(repr, ("loss", "score", *scores)))
            raise InputError("monitor", (), f"={shown(self.name)}: must be one of {known}; scoring has no such entry")

    def check_record(self, record):
        """Raise an error if the monitored value needs validation data, and the epoch had none."""
        if self.name != "loss" and math.isnan(record.validation_loss):
            hint = "; set monitor='loss', or pass validation data to fit"
            raise InputError("monitor", (), f"={shown(self.name)}: needs validation data", hint)

    def rank(self, record):
        """Return a tuple that is smallest for the best epoch; epochs with equal values are ranked by loss and score."""
        values = self.badness(record), _loss_of(record), -record.validation_score
        return tuple(math.inf if math.isnan(value) else value for value in values)

    def improves(self, badness, best):
        """Return whether a value is better than the best one by more than the tolerance."""
        if math.isinf(best):
            return badness < best
        return badness < best - self.tol * (abs(best) if self.name == "loss" else 1)

    def best(self, history):
        """Return the record of the best epoch, or the first of several that are equally good."""
        return min(history, key=self.rank)


def _loss_of(record):
    return record.loss if math.isnan(record.validation_loss) else record.validation_loss
