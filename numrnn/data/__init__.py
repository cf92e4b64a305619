"""Sequences of any lengths: the container, the forms that users have them in, scaling, mini-batches."""
