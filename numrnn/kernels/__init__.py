"""Compute recurrences and back-propagation through time in compiled code."""
