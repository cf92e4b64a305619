"""Readers of files: .npz, tables of steps, tables of texts."""
