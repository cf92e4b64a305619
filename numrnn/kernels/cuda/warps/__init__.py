"""Recurrences of narrow layers for real cards: W stays in registers for all steps, one barrier a step.

Numba's simulator has no warps, and float32 is all there is: `elman`, `gru` and `lstm` of
`numrnn.kernels.cuda.cells` are what these kernels do in plain words, for any size.
"""
