"""Check the arguments of functions and displays."""

from numbers import Integral

import numpy as np

from numrnn.estimators.problem import check_number
from numrnn.io.messages import InputError, InputTypeError, shown


def is_integer(value):
    """Return whether a value is an integer; True and False are not."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def check_count(name, value):
    """Raise an error unless an argument is an integer of at least 1."""
    check_number(name, value, Integral, lambda count: count >= 1, "an integer of at least 1")


def check_choice(name, value, allowed):
    """Raise an error unless an argument is one of the allowed strings; it may be of any type."""
    if not isinstance(value, str) or value not in allowed:
        raise InputError(name, (), f"={shown(value)}: must be one of {', '.join(map(repr, allowed))}")


def check_filled(name, value, expected="a dict with at least one item"):
    """Raise an error unless an argument is a dict with at least one item."""
    if not isinstance(value, dict) or not value:
        error = InputError if isinstance(value, dict) else InputTypeError
        raise error(name, (), f"={shown(value)}: must be {expected}")


def check_names(name, value, count):
    """Raise an error unless an argument has a length and order, and `count` names."""
    expected = f"must be a list of {count} name{'s' * (count != 1)}"
    if isinstance(value, (str, bytes, dict, set, frozenset)) or not hasattr(value, "__len__"):
        raise InputTypeError(name, (), f"={shown(value)}: {expected}")
    if len(value) != count:
        raise InputError(name, (), f"={shown(value)}: {expected}, got {len(value)}")
