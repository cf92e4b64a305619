"""Define learning rate schedules.

A schedule holds only options. Its method `rate` returns the learning rate of an epoch, and `epoch_end` reads the
epoch's record. Values that a schedule needs later are stored in `state.schedule_state`.
"""

import math
from dataclasses import dataclass
from numbers import Real

from numrnn.io.messages import InputError, shown
from numrnn.training.monitor import Monitor

SMALLEST_RATE = 1e-6  # "adaptive" divides only rates above this number, as MLPClassifier does


@dataclass(frozen=True)
class Constant:
    """Keep the learning rate at `learning_rate_init`."""

    initial: float

    def rate(self, state):
        return self.initial

    def epoch_end(self, state, record):
        pass


@dataclass(frozen=True)
class InverseScaling(Constant):
    """Divide `learning_rate_init` by (t + 1)**0.5, with t the number of sequences trained on before the epoch.

    This is the schedule of MLPClassifier with power_t=0.5.
    """

    power_t: float = 0.5

    def rate(self, state):
        return self.initial / (state.n_seen - state.schedule_seen + 1) ** self.power_t


@dataclass(frozen=True)
class Cosine(Constant):
    """Lower the learning rate along half a cosine towards 0 at epoch `max_iter`; later epochs keep the last rate."""

    max_iter: int = 100

    def rate(self, state):
        epoch = min(state.epoch - state.schedule_epoch, self.max_iter - 1)
        return self.initial * 0.5 * (1 + math.cos(math.pi * epoch / self.max_iter))


@dataclass(frozen=True)
class Adaptive(Constant):
    """Divide the rate by 5 whenever two consecutive epochs have not improved the best monitored value."""

    monitor: Monitor = Monitor()

    def rate(self, state):
        return state.schedule_state.get("rate", self.initial)

    def epoch_end(self, state, record):
        self.monitor.check_record(record)
        memory = state.schedule_state
        value, best = self.monitor.badness(record), memory.get("best", math.inf)
        misses = 0 if self.monitor.improves(value, best) else memory.get("misses", 0) + 1
        if misses == 2 and self.rate(state) > SMALLEST_RATE:
            memory["rate"] = self.rate(state) / 5
        memory["misses"] = misses % 2
        memory["best"] = min(best, value)


@dataclass(frozen=True)
class Custom(Constant):
    """Multiply `learning_rate_init` by a user's function of the epoch, which is counted from 0."""

    function: object = None

    def rate(self, state):
        epoch = state.epoch - state.schedule_epoch
        factor = self.function(epoch)
        if not isinstance(factor, Real) or not 0 <= factor < math.inf:
            problem = f"must return a finite, non-negative factor, got {shown(factor)} for epoch {epoch}"
            raise InputError("learning_rate", (), problem)
        return self.initial * float(factor)


def resolve_schedule(learning_rate, *, learning_rate_init, max_iter, tol=1e-4, monitor="loss"):
    """Return the schedule for the parameter `learning_rate`.

    A schedule has the methods `rate(state)` and `epoch_end(state, record)`. If `learning_rate` is a function, it maps
    the epoch (from 0) to a factor of `learning_rate_init`. `max_iter` is the length of "cosine" in epochs. `tol` is the
    improvement of the value `monitor` that "adaptive" requires; see `numrnn.training.EarlyStopping`. Raises ValueError
    if the name is unknown or the initial rate is not positive and finite.
    """
    if not isinstance(learning_rate_init, Real) or not 0 < learning_rate_init < math.inf:
        raise InputError("learning_rate_init", (), f"must be a positive finite number, got {shown(learning_rate_init)}")
    initial = float(learning_rate_init)
    if callable(learning_rate):
        return Custom(initial, function=learning_rate)
    schedules = {
        "constant": Constant(initial),
        "invscaling": InverseScaling(initial),
        "adaptive": Adaptive(initial, Monitor(monitor, tol)),
        "cosine": Cosine(initial, max_iter=max_iter),
    }
    if not isinstance(learning_rate, str) or learning_rate not in schedules:
        names = sorted(schedules)
        problem = f"must be one of {names} or a function of the epoch, got {shown(learning_rate)}"
        raise InputError("learning_rate", (), problem)
    return schedules[learning_rate]
