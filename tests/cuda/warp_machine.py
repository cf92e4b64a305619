"""Emulate what Numba's simulator lacks: warps, shuffles, copies to shared memory and blocks that wait.

A thread of the GPU is a thread of Python; in a shuffle, the 32 threads of a warp wait for one another.
"""

import sys
import threading
import time
import types
from importlib import import_module

import numpy as np

from numrnn.kernels.cuda import row_order
from numrnn.network.cuda.kernel_choice import EMPTY, Kernel

WARP = 32
WARPS = "numrnn.kernels.cuda.warps"


class Block:
    """Hold what the threads of a block share."""

    def __init__(self, threads):
        self.arrays, self.lock, self.barrier = {}, threading.Lock(), threading.Barrier(threads)
        self.warps = [(threading.Barrier(WARP), [None] * WARP) for _ in range(threads // WARP)]

    def abort(self):
        for meeting in (self.barrier, *(meeting for meeting, _ in self.warps)):
            meeting.abort()


class Machine:
    """Stand for `numba.cuda` in the kernels."""

    def __init__(self):
        self._local, self.failed = threading.local(), []
        self.shared = types.SimpleNamespace(array=self._shared_array)
        self.local = types.SimpleNamespace(array=lambda size, dtype: np.full(size, -1, np.int32).view(dtype))
        self.cg = types.SimpleNamespace(this_grid=lambda: None)

    def jit(self, function=None, **options):
        return function if function is not None else lambda function: function

    @property
    def threadIdx(self):
        return types.SimpleNamespace(x=self._local.thread)

    @property
    def blockIdx(self):
        return types.SimpleNamespace(x=self._local.place[0], y=self._local.place[1])

    def _shared_array(self, size, dtype, alignment=None):
        number = self._local.arrays = self._local.arrays + 1
        with self._local.block.lock:
            return self._local.block.arrays.setdefault(number, np.full(size, np.nan, np.float32))

    def syncthreads(self):
        self._local.block.barrier.wait()

    def shfl_xor_sync(self, mask, value, distance):
        warp, lane = divmod(self._local.thread, WARP)
        meeting, values = self._local.block.warps[warp]
        values[lane] = value
        meeting.wait()
        other = values[lane ^ distance]
        meeting.wait()
        return other

    def run(self, kernel, grid, threads, arguments):
        """Run all blocks of a kernel at once."""
        blocks = {place: Block(threads) for place in np.ndindex(*grid)}
        self.gridDim, self.blockDim = types.SimpleNamespace(x=grid[0], y=grid[1]), types.SimpleNamespace(x=threads)

        def work(place, thread):
            self._local.place, self._local.thread = place, thread
            self._local.block, self._local.arrays = blocks[place], 0
            try:
                kernel(*arguments)
            except BaseException as error:
                self.failed.append(error)
                for block in blocks.values():
                    block.abort()

        team = [threading.Thread(target=work, args=(place, thread)) for place in blocks for thread in range(threads)]
        for member in team:
            member.start()
        for member in team:
            member.join()
        if self.failed:
            raise next((e for e in self.failed if not isinstance(e, threading.BrokenBarrierError)), self.failed[0])


class Launched:
    """Stand for a kernel with Numba's syntax of launches."""

    def __init__(self, machine, function):
        self._machine, self._function = machine, function

    def __getitem__(self, configuration):
        grid, threads = configuration[:2]
        grid = grid if isinstance(grid, tuple) else (grid, 1)
        return lambda *arguments: self._machine.run(self._function, grid, threads, arguments)


def _memory(machine):
    """Build a replacement of the module `numrnn.kernels.cuda.warps.memory`."""

    def put(array, index, value):
        array.reshape(-1)[index] = value

    def publish(array, index, value):
        array.reshape(-1).view(np.uint32)[index] = min(np.float32(value).view(np.uint32), EMPTY - 1)

    def put4(array, index, *values):
        array[index : index + 4] = values

    def fetch(shared, index, source, source_index):
        shared[index] = source.reshape(-1)[source_index]

    def peek4(array, index):
        if machine.failed:
            raise threading.BrokenBarrierError
        time.sleep(0)
        return tuple(array.reshape(-1)[index : index + 4].view(np.uint32).copy())

    module = types.ModuleType(f"{WARPS}.memory")
    module.AHEAD, module.put, module.put4, module.publish, module.fetch = 4, put, put4, publish, fetch
    module.EMPTY, module.peek4 = EMPTY, peek4
    module.get = lambda array, index: array.reshape(-1)[index]
    module.get4 = lambda array, index: tuple(array[index : index + 4])
    module.as_float = lambda word: np.uint32(word).view(np.float32)
    module.end_of_fetches = module.wait_for_fetches = lambda: None
    return module


def modules(monkeypatch, machine, *names):
    """Import the modules of kernels so that the machine runs them."""
    monkeypatch.setitem(sys.modules, f"{WARPS}.memory", _memory(machine))
    monkeypatch.setattr(row_order, "cuda", machine)
    for name in names:
        monkeypatch.delitem(sys.modules, f"{WARPS}.{name}", raising=False)
    found = [import_module(f"{WARPS}.{name}") for name in names]
    for module in found:
        for name, value in list(vars(module).items()):
            if hasattr(value, "fn"):  # a device function of the simulator
                monkeypatch.setattr(module, name, value.fn)
        for table in ("FORWARD", "BACKWARD"):
            if hasattr(module, table):
                pairs = getattr(module, table).items()
                plain = {cell: [getattr(part, "fn", part) for part in pair] for cell, pair in pairs}
                monkeypatch.setattr(module, table, plain)
        for name, value in (("cuda", machine), ("float32", np.float32), ("uint32", np.uint32)):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, value)
    return found


def narrow_kernels(monkeypatch):
    """Return a replacement of `numrnn.network.cuda.kernel_choice.kernel_of` for kernels of one block."""
    machine = Machine()

    def kernel_of(cell, backward, H, dtype):
        _, module = modules(monkeypatch, machine, "tile", cell)
        padded = -(-H // 32) * 32
        function, threads = (module.make_backward if backward else module.make_forward)(padded)
        return Kernel(Launched(machine, function), threads, padded, padded, False)

    return kernel_of


def wide_kernels(monkeypatch):
    """Return a replacement of `numrnn.network.cuda.kernel_choice.kernel_of` for wide kernels of two warps per block."""
    machine = Machine()

    def kernel_of(cell, backward, H, dtype):
        *_, module = modules(monkeypatch, machine, "tile", "ends", "wide")
        monkeypatch.setattr(module, "WARPS", 2)
        monkeypatch.setattr(module, "MOST_WEIGHTS", 512)
        monkeypatch.setattr(module, "SHARED_BYTES", 3000)
        padded = -(-H // 128) * 128
        function, threads, units = (module.make_backward if backward else module.make_forward)(cell, padded)
        return Kernel(Launched(machine, function), threads, padded, units, True)

    return kernel_of
