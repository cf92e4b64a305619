"""One process, or many that train together.

`Serial` and `MPI` have the same methods; `MPI` has in addition what moves gradients. Nothing else imports mpi4py.
"""

from contextlib import nullcontext

__all__ = ["SERIAL", "Serial"]


class Serial:
    """One process.

    Attributes
    ----------
    rank, size : int
        The number of this process; how many there are.
    """

    rank, size = 0, 1

    def any(self, flag):
        """Whether the flag is set in any process."""
        return bool(flag)

    def from_first(self, value):
        """The first process's value."""
        return value

    def on_first(self, function):
        """A function that only the first process calls, and whose result all have."""
        return function

    def check_same(self, make_facts):
        """Raise a ValueError where processes do not agree on the facts, which a function makes, a dict of str to str:
        it names the first fact and process.
        """

    def threads(self, wanted, given):
        """Threads of this process, of those that it would take alone."""
        return wanted

    def in_turns(self, function):
        """Call a function in one process of each machine, then in the others."""
        function()

    def wait_for_all(self):
        """Return when all processes have called this."""

    def most(self, number):
        """The largest of the processes' numbers."""
        return number

    def together(self):
        """A span in which an error of one process ends all."""
        return nullcontext()


SERIAL = Serial()


