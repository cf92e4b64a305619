"""Compute the recurrences of narrow layers with W in registers for all steps, one barrier per step.

These kernels compute what `elman`, `gru` and `lstm` of `numrnn.kernels.cuda.cells` compute for any size and precision.
They need a GPU, since Numba's simulator has no warps, and float32.
"""
