"""Define errors about arguments, and format values for messages."""

import reprlib
from contextlib import contextmanager

LONGEST = 500  # characters of a message
VALUE = 200  # of a value in it, so that there is room for two and the sentence around them


class InputError(ValueError):
    """An error about an argument or an item of it, which whoever catches it can call by another name.

    Parameters
    ----------
    parameter : str
        What the caller knows it by: "X", "y_val", "texts".
    index : tuple of int
        Where in it the fault is: (3,) for X[3], () for all of it.
    problem : str
        The rest of the sentence. It names no other place.
    hint : str, default=""
        What to do about it in Python, the end of the sentence; the command line has an advice of its own instead.

    Examples
    --------
    >>> from numrnn.io.messages import InputError
    >>> error = InputError("X", (3,), "is empty")
    >>> str(error), str(error.at("may.csv: line 5"))
    ('X[3] is empty', 'may.csv: line 5 is empty')
    """

    def __init__(self, parameter, index, problem, hint=""):
        super().__init__(parameter, index, problem, hint)
        self.parameter, self.index, self.problem, self.hint = parameter, index, problem, hint

    def __str__(self):
        blank = "" if self.problem.startswith((":", "=", ",")) else " "
        return f"{place_of(self.parameter, self.index)}{blank}{self.problem}{self.hint}"

    def at(self, place, *index):
        """Return the error about another place, without the hint."""
        return type(self)(place, index, self.problem)


class InputTypeError(InputError, TypeError):
    """An `InputError` about the type of an argument."""


def place_of(parameter, index):
    """Return how Python writes an item of an argument, "X[3]"."""
    return parameter + "".join(f"[{i}]" for i in index)


def shown(value):
    """Return the `repr` of a value for a message, of at most 200 characters.

    Examples
    --------
    >>> from numrnn.io.messages import shown
    >>> shown("relu")
    "'relu'"
    >>> len(shown("x" * 10**6))
    200
    """
    try:
        text = _SHORT.repr(value)
    except ValueError:  # Python writes no integer of more than 4,300 digits
        text = f"<{type(value).__name__}>"
    return text if len(text) <= VALUE else f"{text[: VALUE - 3]}..."


def shortened(text):
    """Shorten a message of more than 500 characters to its beginning and end."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 105]} ... {text[-100:]}"


@contextmanager
def short_errors():
    """Shorten ValueErrors and TypeErrors of other libraries, which may quote values of any length."""
    try:
        yield
    except (ValueError, TypeError) as error:
        text = str(error)
        if len(text) <= LONGEST:
            raise
        raise type(error)(shortened(text)) from None


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = VALUE
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxdict = _SHORT.maxset = _SHORT.maxfrozenset = 20
_SHORT.maxarray, _SHORT.maxlevel = 20, 6
