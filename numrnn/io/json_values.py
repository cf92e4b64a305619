"""Convert Python values to JSON and back without loss of types.

JSON has no tuples, no integer keys, no arrays and no float32. Values that JSON supports are stored unchanged; any other
value becomes an object with one key, the name of its encoding:

====================  ==========================================================================
``{"tuple": [...]}``    items, encoded
``{"dict": [...]}``     pairs ``[key, value]``, both encoded, so that keys keep their types
``{"float": "nan"}``    nan, inf, -inf
``{"scalar": {...}}``   a NumPy scalar: dtype and value
``{"array": {...}}``    a NumPy array: dtype, shape and the items in C order (objects: encoded)
``{"dtype": "<f4"}``    a NumPy scalar type such as ``numpy.float32``
``{"object": {...}}``   an object with ``get_params``: class name and parameters
====================  ==========================================================================
"""

import math

import numpy as np

from numrnn.io.messages import shown

_KINDS = "biufUO"
_ITEMS = {"b": bool, "i": int, "u": int, "f": (int, float), "U": str}  # types of decoded items, by kind of dtype
_TEXT = 64  # an array of str keeps its dtype up to this number of characters per item, even if all items are shorter


def encode(value):
    """Convert a value to a JSON value, from which `decode` can restore it.

    Parameters
    ----------
    value : None, bool, int, float, str, list, tuple, dict, NumPy scalar, array or scalar type, or object
        Value to convert; of an object of another type, the class name and ``get_params(deep=False)`` are stored.

    Returns
    -------
    encoded : None, bool, int, float, str, list or dict

    Raises
    ------
    TypeError
        If the value, or a value inside it, cannot be encoded, such as a function.

    Examples
    --------
    >>> from numrnn.io import encode
    >>> encode({1: (0.5, 2.0)})
    {'dict': [[1, {'tuple': [0.5, 2.0]}]]}
    """
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if kind is float:
        return value if math.isfinite(value) else {"float": repr(value)}
    if kind is list:
        return [encode(item) for item in value]
    if kind is tuple:
        return {"tuple": [encode(item) for item in value]}
    if kind is dict:
        return {"dict": [[encode(key), encode(item)] for key, item in value.items()]}
    if isinstance(value, np.ndarray):
        return {"array": _encode_array(value)}
    if isinstance(value, np.generic):
        return {"scalar": _encode_array(np.asarray(value))}
    if isinstance(value, type) and issubclass(value, np.generic):
        return {"dtype": np.dtype(value).str}
    if hasattr(value, "get_params") and not isinstance(value, type):
        params = {name: encode(item) for name, item in value.get_params(deep=False).items()}
        return {"object": {"class": kind.__name__, "params": params}}
    raise TypeError(f"a value of type {kind.__module__}.{kind.__qualname__} cannot be stored in a model file")


def decode(encoded, classes=None):
    """Convert a result of `encode` back to the original value.

    Parameters
    ----------
    encoded : None, bool, int, float, str, list or dict
    classes : dict of str to type, optional
        Classes by name; an ``{"object": ...}`` must be of one of them.

    Raises
    ------
    ValueError
        If an encoding or a class is unknown, or an array contradicts its dtype or shape.
    LookupError, TypeError, AttributeError, OverflowError, RecursionError
        If `encoded` is not a result of `encode`.
    """
    if isinstance(encoded, list):
        return [decode(item, classes) for item in encoded]
    if not isinstance(encoded, dict):
        return encoded
    (name, content), *rest = encoded.items() or [("", None)]
    if rest or name not in _DECODERS:
        raise ValueError(f"unknown encoding {shown(sorted(encoded))} in a model file")
    return _DECODERS[name](content, classes)


def _encode_array(array):
    kind = array.dtype.kind
    if kind not in _KINDS or kind == "f" and array.dtype.itemsize > 8:
        raise TypeError(f"an array of dtype {array.dtype} cannot be stored in a model file")
    dtype = "object" if kind == "O" else array.dtype.str
    return {"dtype": dtype, "shape": list(array.shape), "items": [encode(item) for item in array.ravel().tolist()]}


def _decode_array(content, classes):
    items = [decode(item, classes) for item in content["items"]]
    shape, dtype = content["shape"], _dtype_of(content["dtype"], items)
    known = isinstance(shape, list) and all(type(n) is int and 0 <= n < 1 << 31 for n in shape)
    if not known or math.prod(shape) != len(items):
        raise ValueError(f"shape={shown(shape)}: must be the shape of {len(items)} items")
    kind = _ITEMS.get(dtype.kind, object)
    for item in items:
        if not isinstance(item, kind) or (isinstance(item, bool) and dtype.kind not in "bO"):
            raise ValueError(f"an array of dtype {dtype} holds {shown(item)}, which is not of that type")
    array = np.empty(len(items), dtype)
    for i, item in enumerate(items):
        array[i] = item
    return array.reshape(shape)


def _dtype_of(name, items):
    """Return the dtype of an array; a dtype of str is narrowed, so that a damaged file cannot request much memory."""
    dtype = np.dtype(name if isinstance(name, str) and len(name) < 32 else "V")
    if dtype.kind not in _KINDS or dtype.itemsize > 8 and dtype.kind != "U":
        raise ValueError(f"dtype={shown(name)}: must be a dtype of strings, objects or real numbers of at most 64 bits")
    if dtype.kind != "U":
        return dtype
    longest = max((len(item) for item in items if isinstance(item, str)), default=0)
    width = min(dtype.itemsize // 4, max(longest, _TEXT))
    if width < longest:
        raise ValueError(f"an array of dtype {dtype} holds a string of {longest} characters")
    return np.dtype(f"{dtype.byteorder}U{width}")


def _list(content):
    if not isinstance(content, list):
        raise ValueError(f"{shown(content)}: must be a list")
    return content


def _decode_dict(content, classes):
    pairs = [(decode(key, classes), decode(item, classes)) for key, item in map(_list, _list(content))]
    decoded = dict(pairs)
    if len(decoded) < len(pairs):
        raise ValueError(f"the keys {shown([key for key, _ in pairs])} must be distinct")
    return decoded


def _decode_object(content, classes):
    name = content["class"]
    if name not in (classes or {}):
        raise ValueError(f"unknown class {shown(name)} in a model file; known classes are {sorted(classes or {})}")
    return classes[name](**{key: decode(item, classes) for key, item in content["params"].items()})


_FLOATS = {repr(value): value for value in (math.nan, math.inf, -math.inf)}
_DECODERS = {
    "tuple": lambda content, classes: tuple(decode(_list(content), classes)),
    "dict": _decode_dict,
    "float": lambda content, classes: _FLOATS[content],
    "scalar": lambda content, classes: _decode_array(content, classes)[()],
    "array": _decode_array,
    "dtype": lambda content, classes: _dtype_of(content, ()).type,
    "object": _decode_object,
}
