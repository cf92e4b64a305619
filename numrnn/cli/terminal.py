"""Escape control characters in text that is printed to a terminal."""

import re
import sys
from contextlib import nullcontext, redirect_stdout

__all__ = ["printable", "safe_output"]

# All control characters except tab and newline, and the characters that change the direction of text.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def printable(text):
    r"""Return a text with escaped control characters, since labels and texts from files may contain any.

    Examples
    --------
    >>> from numrnn.cli.terminal import printable
    >>> print(printable("a label" + chr(27) + "[2J"))
    a label\x1b[2J
    """
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


class Terminal:
    """Represent a terminal, a text file, to which control characters are written as escapes."""

    def __init__(self, stream):
        self._stream = stream

    def write(self, text):
        """Write a text with escaped control characters."""
        return self._stream.write(printable(text))

    def __getattr__(self, name):
        return getattr(self._stream, name)


def safe_output():
    """Escape control characters in text that is printed to a terminal within the context."""
    return redirect_stdout(Terminal(sys.stdout)) if sys.stdout.isatty() else nullcontext()
