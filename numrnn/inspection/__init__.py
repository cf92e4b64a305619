"""Figures of fits."""
