"""Format values for errors and warnings."""

import reprlib
from contextlib import contextmanager

LONGEST = 500  # characters of a message
VALUE = 200  # of a value in it, so that there is room for two and the sentence around them


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
