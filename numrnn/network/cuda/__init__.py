"""Networks on an NVIDIA GPU: the methods of `CPUNetwork`, with theta, solver and mini-batches on the card.

Nothing here is imported before somebody asks for ``device="cuda"``.
"""
