"""Model files: named arrays and a JSON header in one safetensors file."""

from numrnn.io.json_values import decode, encode
from numrnn.io.model_file import FORMAT, read_model, write_model

__all__ = ["FORMAT", "decode", "encode", "read_model", "write_model"]
