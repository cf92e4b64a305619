"""Run networks on an NVIDIA GPU, whose memory holds theta, the solver's state and mini-batches.

The networks have the methods of `CPUNetwork`. Only `device` and `device_sequences` are imported before
``device="cuda"`` is requested.
"""
