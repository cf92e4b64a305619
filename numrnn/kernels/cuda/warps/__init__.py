"""Compute the recurrences of a layer with W in registers during all steps.

These kernels are faster versions of `elman`, `gru` and `lstm` of `numrnn.kernels.cuda.cells`, for float32 and limited
sizes. They need a GPU, since Numba's simulator has no warps. The modules `elman`, `gru` and `lstm` keep W of a narrow
layer in one block of threads; `wide` spreads W over several blocks.
"""
