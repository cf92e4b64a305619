"""Cells in plain CUDA: any size, any precision, and Numba's simulator."""
