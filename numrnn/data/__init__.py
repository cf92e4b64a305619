"""Sequences of any lengths: the container, the forms that users have them in, texts, scaling, mini-batches."""

__all__ = ["Vocabulary"]


def __getattr__(name):
    # Every module of the package comes through here, and few need what texts need.
    if name not in __all__:
        raise AttributeError(f"module 'numrnn.data' has no attribute {name!r}")
    from numrnn.data.vocabulary import Vocabulary

    return Vocabulary
