"""Implement the cells in plain CUDA, which runs with any size and precision and in Numba's simulator."""
