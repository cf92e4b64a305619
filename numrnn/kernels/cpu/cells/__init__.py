"""Cells: one file each, and which one a layer has."""
