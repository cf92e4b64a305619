"""Networks: parameters, contracts, and what runs the kernels on a CPU or a card."""
