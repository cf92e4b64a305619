"""A machine for kernels that Numba's simulator cannot run: warps, shuffles, copies to shared memory at once.

A thread of a block is a thread of Python; a shuffle is a meeting of the 32 threads of a warp.
"""

import sys
import threading
import types

import numpy as np

WARP = 32
WARPS = "numrnn.kernels.cuda.warps"


class Machine:
    """Stands for `numba.cuda` in the kernels."""

    def __init__(self):
        self._local = threading.local()
        self.shared = types.SimpleNamespace(array=self._shared_array)
        self.local = types.SimpleNamespace(array=lambda size, dtype: np.full(size, np.nan, np.float32))

    def jit(self, function=None, **options):
        return function if function is not None else lambda function: function

    @property
    def threadIdx(self):
        return types.SimpleNamespace(x=self._local.thread)

    @property
    def blockIdx(self):
        return types.SimpleNamespace(x=self._local.block)

    def _shared_array(self, size, dtype, alignment=None):
        number = self._local.arrays = self._local.arrays + 1
        with self._lock:
            return self._arrays.setdefault(number, np.full(size, np.nan, np.float32))

    def syncthreads(self):
        self._barrier.wait()

    def shfl_xor_sync(self, mask, value, distance):
        warp, lane = divmod(self._local.thread, WARP)
        meeting, values = self._warps[warp]
        values[lane] = value
        meeting.wait()
        other = values[lane ^ distance]
        meeting.wait()
        return other

    def run(self, kernel, blocks, threads, arguments):
        """Run a kernel block by block."""
        for block in range(blocks):
            self._arrays, self._lock, failed = {}, threading.Lock(), []
            self._barrier = threading.Barrier(threads)
            self._warps = [(threading.Barrier(WARP), [None] * WARP) for _ in range(threads // WARP)]

            def work(thread, block=block, failed=failed):
                self._local.thread, self._local.block, self._local.arrays = thread, block, 0
                try:
                    kernel(*arguments)
                except BaseException as error:
                    failed.append(error)
                    self._barrier.abort()
                    for meeting, _ in self._warps:
                        meeting.abort()

            team = [threading.Thread(target=work, args=(thread,)) for thread in range(threads)]
            for member in team:
                member.start()
            for member in team:
                member.join()
            if failed:
                raise next((e for e in failed if not isinstance(e, threading.BrokenBarrierError)), failed[0])


class Kernel:
    """A kernel that is launched as Numba's are."""

    def __init__(self, machine, function):
        self._machine, self._function = machine, function

    def __getitem__(self, configuration):
        blocks, threads = configuration[:2]
        return lambda *arguments: self._machine.run(self._function, blocks, threads, arguments)


def _put(array, index, value):
    array.reshape(-1)[index] = value


def _fetch(shared, index, source, source_index):
    shared[index] = source.reshape(-1)[source_index]


def memory():
    """In the place of `numrnn.kernels.cuda.warps.memory`."""
    module = types.ModuleType(f"{WARPS}.memory")
    module.AHEAD, module.put, module.fetch = 4, _put, _fetch
    module.get = lambda array, index: array.reshape(-1)[index]
    module.get4 = lambda array, index: tuple(array[index : index + 4])
    module.end_of_fetches = module.wait_for_fetches = lambda: None
    return module


def narrow_kernels(monkeypatch):
    """A function in the place of `numrnn.gpu.narrow.make_narrow`, whose kernels a machine runs."""
    machine = Machine()
    monkeypatch.setitem(sys.modules, f"{WARPS}.memory", memory())

    def make(cell, backward, padded):
        for name in ("tile", cell):
            monkeypatch.delitem(sys.modules, f"{WARPS}.{name}", raising=False)
        tile = __import__(f"{WARPS}.tile", fromlist=["tile"])
        module = __import__(f"{WARPS}.{cell}", fromlist=[cell])
        for part in (tile, module):
            monkeypatch.setattr(part, "cuda", machine)
            monkeypatch.setattr(part, "float32", np.float32)
        for name in ("row_of", "_fetch_gates", "_fetch_saved"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, getattr(module, name).fn)
        kernel, threads = (module.make_backward if backward else module.make_forward)(padded)
        return Kernel(machine, kernel), threads

    return make
