"""Define errors about arguments, and format values for messages."""

import reprlib
from contextlib import contextmanager

LONGEST = 500  # largest number of characters of a message
VALUE = 200  # largest number of characters of a value, so that a message has room for two values


class InputError(ValueError):
    """Report a problem with an argument or an item of it; callers can replace the argument's name, say by a file's.

    Parameters
    ----------
    parameter : str
        Name of the argument of the public function, such as "X", "y_val" or "texts".
    index : tuple of int
        Index of the item, such as (3,) for X[3]; () for the whole argument.
    problem : str
        Rest of the sentence after the name of the argument or item, such as "is empty".
    hint : str, default=""
        End of the sentence, with advice for Python; the command line replaces it by its own advice.

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
        """Return the error with another name, such as a position in a file, and without the hint."""
        return type(self)(place, index, self.problem)


class InputTypeError(InputError, TypeError):
    """Report an argument of the wrong type."""


def place_of(parameter, index):
    """Return an item of an argument in Python's notation, such as "X[3]"."""
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
    except ValueError:  # Python does not convert integers of more than 4,300 digits to str
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
