"""Compute matrix products on the GPU with cuBLAS, or with NumPy in Numba's simulator.

CuPy's own products cannot be captured in a graph, so cuBLAS is called directly, with a handle and a workspace for each
stream. A graph then captures the same routines that run outside of graphs, and its results are bitwise identical.
"""

import ctypes
import os
import weakref

import numpy as np

from numrnn.network.cuda.device import arrays, in_simulator

WORKSPACE = 32 << 20  # bytes that cuBLAS needs with compute capability 9.0; other GPUs need less
ALLOC_FAILED = 3  # cublasStatus_t
DEFAULT_MATH, TF32_MATH = 0, 3  # cublasMath_t
FUNCTIONS = {"f": ("cublasSgemm_v2", ctypes.c_float), "d": ("cublasDgemm_v2", ctypes.c_double)}

_handles = weakref.WeakKeyDictionary()  # Handle by stream


def product(a, b):
    """Return the matrix product of two arrays in C order, which kernels need to read rows by address."""
    return multiply(a, b, arrays().empty((a.shape[0], b.shape[1]), a.dtype))


def multiply(a, b, out):
    """Write the product of a (m, k), or (k,), and b (k, n) to out (m, n), or (n,), and return out.

    The arrays have the same dtype. a and b are in C order, or some columns of an array in C order, or transposes of
    such arrays; out is in C order.
    """
    if in_simulator():
        return np.matmul(a, b, out=out)
    stream = arrays().cuda.get_current_stream()
    if stream not in _handles:
        _handles[stream] = Handle(stream)
    _handles[stream].multiply(a if a.ndim == 2 else a[None], b, out if out.ndim == 2 else out[None])
    return out


def arguments(a, b, out):
    """Return the sizes of a product for cuBLAS, which reads arrays by columns: out' = b' a'.

    They are: 0 or 1 for whether b and a are transposes of arrays in C order; n, m, k; and the leading dimensions of b,
    a and out.
    """
    (turned_a, leading_a), (turned_b, leading_b) = _leading(a), _leading(b)
    (m, k), n = a.shape, b.shape[1]
    return turned_b, turned_a, n, m, k, leading_b, leading_a, max(1, n)


def _leading(array):
    """Return 1 if an array is the transpose of an array in C order, else 0, and the stride of rows in C order."""
    (rows, columns), (down, across) = array.shape, (stride // array.itemsize for stride in array.strides)
    if (across == 1 or columns == 1) and (down >= columns or rows == 1):
        return 0, max(1, columns if rows == 1 else down)
    return 1, max(1, rows if columns == 1 else across)


class Handle:
    """Call cuBLAS on one stream."""

    def __init__(self, stream):
        import cupy
        from cupy_backends.cuda.libs import cublas  # noqa: F401 loads the library, which ctypes then finds by name

        self._library = ctypes.CDLL(f"libcublas.so.{cupy.cuda.runtime.runtimeGetVersion() // 1000}")
        self._handle = ctypes.c_void_p()
        self._call("cublasCreate_v2", ctypes.byref(self._handle))
        weakref.finalize(self, _destroy, self._library, self._handle).atexit = False
        self._workspace = cupy.get_default_memory_pool().malloc(WORKSPACE)
        self._call("cublasSetStream_v2", self._handle, ctypes.c_void_p(stream.ptr))
        address = ctypes.c_void_p(self._workspace.ptr)  # set after the stream, which resets the workspace
        self._call("cublasSetWorkspace_v2", self._handle, address, ctypes.c_size_t(WORKSPACE))
        mode = TF32_MATH if os.environ.get("CUPY_TF32", "0") == "1" else DEFAULT_MATH
        self._call("cublasSetMathMode", self._handle, ctypes.c_int(mode))

    def _call(self, name, *values):
        status = getattr(self._library, name)(*values)
        if status == ALLOC_FAILED:
            raise MemoryError(f"{name} failed with CUBLAS_STATUS_ALLOC_FAILED: the GPU has too little free memory")
        if status:
            raise RuntimeError(
                f"device='cuda': {name} of cuBLAS failed with status {status} (a cublasStatus_t); check the "
                "installation of CUDA and the GPU's driver, or set device='cpu'"
            )

    def multiply(self, a, b, out):
        """Start a product on the stream."""
        name, real = FUNCTIONS[out.dtype.char]
        turned_b, turned_a, n, m, k, leading_b, leading_a, leading = map(ctypes.c_int, arguments(a, b, out))
        one, zero = ctypes.byref(real(1)), ctypes.byref(real(0))
        a_, b_, out_ = (ctypes.c_void_p(array.data.ptr) for array in (a, b, out))
        self._call(
            name, self._handle, turned_b, turned_a, n, m, k, one, b_, leading_b, a_, leading_a, zero, out_, leading
        )


def _destroy(library, handle):
    """Destroy a handle whose stream no longer exists."""
    library.cublasSetStream_v2(handle, None)
    library.cublasDestroy_v2(handle)
