"""Hold, read, convert, scale and batch sequences of any lengths."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numrnn.data.shards.format import open_shards as open_shards
    from numrnn.data.shards.writer import ShardWriter as ShardWriter
    from numrnn.data.symbols.vocabulary import Vocabulary as Vocabulary

_MODULES = {"ShardWriter": "shards.writer", "Vocabulary": "symbols.vocabulary", "open_shards": "shards.format"}

__all__ = sorted(_MODULES)


def __getattr__(name):
    # Every import from the package runs this module, but few of them need the modules for texts and files.
    if name not in _MODULES:
        raise AttributeError(f"module 'numrnn.data' has no attribute {name!r}")
    return getattr(import_module(f"numrnn.data.{_MODULES[name]}"), name)
