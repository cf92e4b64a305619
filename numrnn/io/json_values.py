"""Python values as JSON, and back with the same types.

JSON has no tuples, no integer keys, no arrays and no float32. A value that JSON has itself stays as it is; any other
becomes an object with one key, the name of its encoding:

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

_KINDS = "biufUO"


def encode(value):
    """Turn a value into what ``json.dumps`` stores without loss.

    Parameters
    ----------
    value : None, bool, int, float, str, list, tuple, dict, NumPy scalar, array or scalar type, or object
        An object is stored by its class name and ``get_params(deep=False)``.

    Returns
    -------
    encoded : None, bool, int, float, str, list or dict

    Raises
    ------
    TypeError
        If the value, or one inside it, has no encoding (a function, say).

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
    raise TypeError(f"a value of type {kind.__module__}.{kind.__qualname__} has no encoding in a model file")


def decode(encoded, classes=None):
    """Undo `encode`.

    Parameters
    ----------
    encoded : what `encode` returned, after any number of turns through JSON
    classes : dict of str to type, optional
        The classes that ``{"object": ...}`` may name.

    Returns
    -------
    value : object
        Equal to the value that was encoded, with the same types.

    Raises
    ------
    ValueError
        If an encoding or a class is unknown.

    Examples
    --------
    >>> from numrnn.io import decode
    >>> decode({'dict': [[1, {'tuple': [0.5, 2.0]}]]})
    {1: (0.5, 2.0)}
    """
    if isinstance(encoded, list):
        return [decode(item, classes) for item in encoded]
    if not isinstance(encoded, dict):
        return encoded
    (name, content), *rest = encoded.items() or [("", None)]
    if rest or name not in _DECODERS:
        raise ValueError(f"unknown encoding {sorted(encoded)} in a model file")
    return _DECODERS[name](content, classes)


def _encode_array(array):
    kind = array.dtype.kind
    if kind not in _KINDS or kind == "f" and array.dtype.itemsize > 8:
        raise TypeError(f"an array of dtype {array.dtype} has no encoding in a model file")
    dtype = "object" if kind == "O" else array.dtype.str
    return {"dtype": dtype, "shape": list(array.shape), "items": [encode(item) for item in array.ravel().tolist()]}


def _decode_array(content, classes):
    dtype = np.dtype(content["dtype"])
    items = content["items"]
    array = np.empty(len(items), dtype=dtype)
    for i, item in enumerate(items):
        array[i] = decode(item, classes)
    return array.reshape(content["shape"])


def _decode_object(content, classes):
    name = content["class"]
    if name not in (classes or {}):
        raise ValueError(f"unknown class {name!r} in a model file; known: {sorted(classes or {})}")
    return classes[name](**{key: decode(item, classes) for key, item in content["params"].items()})


_DECODERS = {
    "tuple": lambda content, classes: tuple(decode(item, classes) for item in content),
    "dict": lambda content, classes: {decode(key, classes): decode(item, classes) for key, item in content},
    "float": lambda content, classes: float(content),
    "scalar": lambda content, classes: _decode_array(content, classes)[()],
    "array": _decode_array,
    "dtype": lambda content, classes: np.dtype(content).type,
    "object": _decode_object,
}
