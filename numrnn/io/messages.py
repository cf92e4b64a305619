"""Values in the text of errors and warnings."""

import reprlib
from contextlib import contextmanager

LONGEST = 500  # characters of a value


def shown(value):
    """Return the `repr` of a value for a message, of at most 500 characters.

    Examples
    --------
    >>> from numrnn.io.messages import shown
    >>> shown("relu")
    "'relu'"
    >>> len(shown("x" * 10**6))
    500
    """
    try:
        text = _SHORT.repr(value)
    except ValueError:  # Python writes no integer of more than 4,300 digits
        text = f"<{type(value).__name__}>"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


@contextmanager
def short_errors():
    """Shorten the message of another library's ValueError or TypeError, which may hold values of any length."""
    try:
        yield
    except (ValueError, TypeError) as error:
        text = str(error)
        if len(text) <= 2 * LONGEST:
            raise
        raise type(error)(f"{text[: LONGEST - 100]} ... {text[-100:]}") from None


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = LONGEST
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxdict = _SHORT.maxset = _SHORT.maxfrozenset = 20
_SHORT.maxarray, _SHORT.maxlevel = 20, 6
