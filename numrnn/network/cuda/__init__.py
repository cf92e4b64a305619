"""Networks on an NVIDIA GPU: the methods of the CPU's `Network`, with theta, solver and mini-batches on the card.

Nothing here is imported before somebody asks for ``device="cuda"``.
"""
