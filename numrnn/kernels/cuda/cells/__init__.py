"""Implement the cells in plain CUDA, for any size and precision and for Numba's simulator."""
