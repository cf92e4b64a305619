"""Draw figures of fits."""
