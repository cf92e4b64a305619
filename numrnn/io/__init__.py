"""Read and write models, checkpoints and arrays, and format values for messages."""

from importlib import import_module

_MODULE_OF = {
    "FORMAT": "model_file",
    "CheckpointFolder": "checkpoint_folder",
    "decode": "json_values",
    "encode": "json_values",
    "newest_checkpoint": "checkpoint_folder",
    "read_checkpoint": "checkpoint_file",
    "read_model": "model_file",
    "replace_file": "atomic",
    "replacing": "atomic",
    "write_checkpoint": "checkpoint_file",
    "write_model": "model_file",
}

__all__ = sorted(_MODULE_OF)


def __getattr__(name):
    # A module is imported on first use: the command line, for example, starts with the formatting of messages alone.
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'numrnn.io' has no attribute {name!r}")
    return getattr(import_module(f"numrnn.io.{_MODULE_OF[name]}"), name)
