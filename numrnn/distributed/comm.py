"""Define the interface to the processes that train together, for a single process.

`MPI` has the methods of `Serial`, and further methods that exchange gradients. Only the module `mpi` imports mpi4py.
"""

from contextlib import nullcontext

__all__ = ["SERIAL", "Serial"]


class Serial:
    """Represent a single process; `rank` is its number and `size` the number of processes."""

    rank, size = 0, 1

    def any(self, flag):
        """Return whether any process has passed a true flag."""
        return bool(flag)

    def from_first(self, value):
        """Return the value that the first process has passed."""
        return value

    def on_first(self, function):
        """Return a function for all processes to call: only the first calls `function`, and all receive its result."""
        return function

    def check_same(self, make_facts):
        """Raise a ValueError that names the first fact that differs between processes.

        `make_facts` returns the facts, a dict of str to str.
        """

    def threads(self, wanted, given):
        """Return the number of threads of this process.

        `wanted` is the number that it would use on its own, and `given` the user's `n_jobs`, which may be None.
        """
        return wanted

    def in_turns(self, function):
        """Call a function in one process of each machine first, and then in the other processes."""
        function()

    def wait_for_all(self):
        """Return when all processes have called this method."""

    def most(self, number):
        """Return the largest number that any process has passed."""
        return number

    def together(self):
        """Return a context in which an error of one process ends all processes."""
        return nullcontext()


SERIAL = Serial()
