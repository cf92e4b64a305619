"""Compiled arithmetic: what runs the recurrence and back-propagation through time."""
