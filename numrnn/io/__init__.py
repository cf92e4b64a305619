"""Files: models and checkpoints, named arrays and a JSON header in one safetensors file each."""

from numrnn.io.atomic import replace_file, replacing
from numrnn.io.checkpoint_file import read_checkpoint, write_checkpoint
from numrnn.io.checkpoint_folder import CheckpointFolder, newest_checkpoint
from numrnn.io.json_values import decode, encode
from numrnn.io.model_file import FORMAT, read_model, write_model

__all__ = [
    "FORMAT",
    "CheckpointFolder",
    "decode",
    "encode",
    "newest_checkpoint",
    "read_checkpoint",
    "read_model",
    "replace_file",
    "replacing",
    "write_checkpoint",
    "write_model",
]
