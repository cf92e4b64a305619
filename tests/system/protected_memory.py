"""Run kernels on copies of their arguments that lie against pages which nobody may touch.

An access outside an array ends the process there, and so does a write to an array that a kernel should only read. Bytes
between an array and the border of a page hold NaN, and must hold it afterwards. What a kernel writes is copied back.
Arrays that share memory also share it as copies. Types and strides stay the same, so nothing is compiled for a copy.
"""

import ctypes
import mmap
import threading
from contextlib import contextmanager
from typing import NamedTuple
from unittest import mock

import numpy as np
from numba.core.registry import CPUDispatcher

from numrnn.kernels import jit
from numrnn.network.components import CELLS
from numrnn.network.cpu import network

BEHIND, BEFORE = "behind", "before"  # the side of an array on which forbidden pages touch it
GUARD = 16 * mmap.PAGESIZE  # on either side, so that an access some rows away is a fault, too
NOBODY, READ = 0, mmap.PROT_READ
CANARY = 0xFF  # such bytes are NaN, or -1
FLAGS = ("C_CONTIGUOUS", "F_CONTIGUOUS", "ALIGNED", "WRITEABLE")  # what a compiled type depends on

# What kernels only read, by the record or the kernel that names it.
CONSTANT = {
    "Data": "values starts lengths state_rows given keys",
    "SymbolData": "values starts lengths state_rows given keys rows_before",
    "Goal": "classes values weights first",
    "Job": "order first first_tile first_node weight_sums",
    "Update": "scalars",
    **dict.fromkeys(("Scratch", "WholeScratch"), "regions"),
    **{cell.net.__name__: "layers head pieces shares" for cell in CELLS.values()},
    "predict_tiles": "order first_row",
    "predict_in_team": "ids first_row",
    "predict_one": "packed values",
    "generate": "ids uniforms",
    "extend": "logits scores first widths",
    "all_finite": "values",
    "summed_loss": "classes values weights",
    "weight_sums": "first targets weights lengths",
    "pack_weights": "pieces theta",
    "complete_step": "decayed scalars",
    "step": "scalars",
    "squared_norm": "x",
    "add_decay": "theta",
    "add_nodes_of_two": "other",
    "leave": "calls",
}
WRITES_ITS_INPUT = "generate", "SymbolData"  # a symbol that it writes is the next one that it reads
# Memory whose contents do not matter when a kernel begins, and which is filled with NaN.
SPENT = {
    **dict.fromkeys(("Scratch", "WholeScratch"), "work"),
    "predict_one": "work",
    "run_batches": "levels",
}

_libc = ctypes.CDLL(None, use_errno=True)


class Pages(mmap.mmap):
    """Map memory between forbidden pages; it is unmapped with the last array that lies in it."""

    def __new__(cls, size):
        inner = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
        pages = super().__new__(cls, -1, inner + 2 * GUARD, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        pages.inner, pages.start = inner, ctypes.addressof(ctypes.c_char.from_buffer(pages)) + GUARD
        pages.protect(-GUARD, GUARD, NOBODY)
        pages.protect(inner, GUARD, NOBODY)
        return pages

    def protect(self, at, size, access):
        """Set the access to some pages, from so many bytes after the memory's first."""
        if size and _libc.mprotect(ctypes.c_void_p(self.start + at), ctypes.c_size_t(size), access):
            raise OSError(ctypes.get_errno(), "mprotect failed")


class Use(NamedTuple):
    """Describe an array among the arguments of a kernel."""

    array: np.ndarray
    constant: bool
    spent: bool
    bounds: tuple  # addresses of the first byte, and of the one behind the last


def use_of(array, constant=False, spent=False):
    """Return the use of an array that a kernel writes, unless told otherwise."""
    return Use(array, constant or not array.flags.writeable, spent, np.lib.array_utils.byte_bounds(array))


class Place:
    """Hold a copy of the bytes that some arrays occupy.

    Parameters
    ----------
    uses : list of Use
        Arrays that share memory.
    side : {"behind", "before"}
        Where forbidden pages touch the copy.
    """

    def __init__(self, uses, side):
        bounds = [use.bounds for use in uses]
        self.first, self.end = min(low for low, _ in bounds), max(high for _, high in bounds)
        self._uses = uses  # so that no other array takes this memory
        self.constant, self._spent = all(use.constant for use in uses), all(use.spent for use in uses)
        size, align = self.end - self.first, max(use.array.itemsize for use in uses)
        self._pages = Pages(size)
        self._at = self._pages.inner - size if side == BEHIND else 0
        self._at += (self.first - self._at) % align if side == BEFORE else -((self._at - self.first) % align)
        ctypes.memset(self._pages.start, CANARY, self._pages.inner)
        if not self._spent:
            ctypes.memmove(self._pages.start + self._at, self.first, size)
        if self.constant:
            self._pages.protect(0, self._pages.inner, READ)

    def touches(self, use):
        """Return whether an array overlaps the copied bytes."""
        low, high = use.bounds
        return low < self.end and self.first < high

    def copy_of(self, use):
        """Return the array that lies in this place as another one does in the memory that was copied."""
        array, (low, high) = use.array, use.bounds
        if low < self.first or high > self.end or self.constant > use.constant:
            raise AssertionError(f"an array of shape {array.shape} is part of a place that was made for another use")
        start = array.__array_interface__["data"][0] - self.first
        return _copy(array, self._pages, GUARD + self._at + start)

    def close(self):
        """Copy what was written back; what lies around it must be as it was."""
        size, inner = self.end - self.first, np.frombuffer(self._pages, np.uint8, self._pages.inner, GUARD)
        if (inner[: self._at] != CANARY).any() or (inner[self._at + size :] != CANARY).any():
            raise AssertionError(f"a kernel wrote beside an array of shape {self._uses[0].array.shape}")
        if not (self.constant or self._spent):
            ctypes.memmove(self.first, self._pages.start + self._at, size)


def _copy(array, pages, offset):
    copy = np.ndarray(array.shape, array.dtype, pages, offset, array.strides)
    copy.flags.writeable = array.flags.writeable
    different = [name for name in FLAGS if copy.flags[name] != array.flags[name]]
    if different:
        raise AssertionError(f"a copy of an array of shape {array.shape} has other flags: {different}")
    return copy


def _is_placed(array):
    while isinstance(array, np.ndarray):
        array = array.base
    return isinstance(array, Pages)


def _arrays(value, owner, name, kernel):
    """Yield a `Use` for each array in an argument."""
    if isinstance(value, tuple):
        owner, names = type(value).__name__, getattr(value, "_fields", [name] * len(value))
        for field, item in zip(names, value, strict=True):
            yield from _arrays(item, owner, field, kernel)
    elif isinstance(value, np.ndarray):
        constant = name in CONSTANT.get(owner, "").split() and (kernel, owner) != WRITES_ITS_INPUT
        yield use_of(value, constant, name in SPENT.get(owner, "").split())


def _replaced(value, copies):
    """Return an argument with each array replaced by the next of `copies`."""
    if isinstance(value, tuple):
        items = [_replaced(item, copies) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    return next(copies) if isinstance(value, np.ndarray) else value


class Guard:
    """Guard all calls of kernels from Python within a `with` block.

    Parameters
    ----------
    side : {"behind", "before"}
        Where forbidden pages touch the arrays.

    Attributes
    ----------
    called : set of str
        Kernels, as "module.function".
    """

    def __init__(self, side):
        self.called = set()
        self._side, self._nothing = side, Pages(0)  # where arrays without elements lie
        self._shared, self._lock = None, threading.Lock()
        self._run_threads = network.run_threads

    @contextmanager
    def __call__(self):
        guard = self

        def call(kernel, *arguments):
            return guard._call(kernel, arguments)

        with (
            mock.patch.object(jit.Kernel, "__call__", call),
            mock.patch.object(network, "run_threads", self._run_shared),
        ):
            yield

    def _run_shared(self, work, count, budget, board):
        """Run threads all of whose calls have the same copies: they meet in them."""
        self._shared = []
        try:
            (copy,) = self._copies([use_of(board)], self._shared)
            return self._run_threads(work, count, budget, copy)
        finally:
            places, self._shared = self._shared, None
            for place in places:
                place.close()

    def _call(self, kernel, arguments):
        function = kernel.py_func
        self.called.add(name_of(kernel))
        names = function.__code__.co_varnames
        with self._lock:
            shared = self._shared
            places = [] if shared is None else shared
            uses = [
                use
                for name, value in zip(names, arguments, strict=False)
                for use in _arrays(value, function.__name__, name, function.__name__)
            ]
            copies = iter(self._copies(uses, places))
        known = len(kernel.overloads)
        result = CPUDispatcher.__call__(kernel, *(_replaced(value, copies) for value in arguments))
        if known and len(kernel.overloads) != known:
            raise AssertionError(f"{function.__name__} was compiled for the types of copies")
        if shared is None:
            for place in places:
                place.close()
        return result

    def _copies(self, uses, places):
        """Return copies of arrays in the given places; new places are appended to them where needed."""
        new = [use for use in uses if use.array.size and not _is_placed(use.array)]
        new = [use for use in new if not any(place.touches(use) for place in places)]
        for group in _groups(new):
            places.append(Place(group, self._side))
        return [self._copy_of(use, places) for use in uses]

    def _copy_of(self, use, places):
        if _is_placed(use.array):
            return use.array
        if not use.array.size:
            return _copy(use.array, self._nothing, GUARD)
        return next(place for place in places if place.touches(use)).copy_of(use)


def _groups(uses):
    """Yield arrays that share memory, group by group."""
    group, end = [], 0
    for use in sorted(uses, key=lambda use: use.bounds):
        low, high = use.bounds
        if group and low >= end:
            yield group
            group = []
        group, end = [*group, use], max(high, end if group else 0)
    if group:
        yield group


def name_of(kernel):
    """Return the short name of a kernel, "module.function"."""
    return f"{kernel.py_func.__module__.rpartition('.')[2]}.{kernel.py_func.__name__}"
