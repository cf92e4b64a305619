"""Compare columns by name if the data have names, otherwise by place."""

import numpy as np

from numrnn.data.readers.fields import listed

__all__ = ["check_distinct", "check_one_order", "check_same_order", "names_of", "places_of"]


def names_of(columns):
    """Return the names of columns as a tuple, or None if they are no texts.

    Examples
    --------
    >>> from numrnn.data.names import names_of
    >>> names_of(["pulse", "temperature"]), names_of(range(2))
    (('pulse', 'temperature'), None)
    """
    names = tuple(columns)
    return tuple(map(str, names)) if names and all(isinstance(name, str) for name in names) else None


def check_distinct(X, name):
    """Raise a ValueError that names the first column that a data frame has twice; what is none has no columns.

    Examples
    --------
    >>> import pandas
    >>> from numrnn.data.names import check_distinct
    >>> check_distinct(pandas.DataFrame([[1, 2]], columns=["a", "a"]), "X")
    Traceback (most recent call last):
    ValueError: X has the column 'a' twice: give its columns names that differ
    """
    columns = list(X.columns) if hasattr(X, "columns") else []
    if len(set(columns)) < len(columns):
        twice = next(column for i, column in enumerate(columns) if column in columns[:i])
        raise ValueError(f"{name} has the column {twice!r:.80} twice: give its columns names that differ")


def check_one_order(items, name):
    """Return the columns of the data frames among items, which must agree; None where there is no data frame.

    Parameters
    ----------
    items : list
        Arrays have no names, and are not compared.
    name : str
        What errors call the list.

    Raises
    ------
    ValueError
        Naming the first frame with other columns, with the same ones in another order, or with one twice.

    Examples
    --------
    >>> import pandas
    >>> from numrnn.data.names import check_one_order
    >>> check_one_order([pandas.DataFrame({"a": [1], "b": [2]}), [[3, 4]]], "X")
    ['a', 'b']
    """
    frames = [(i, list(x.columns)) for i, x in enumerate(items) if type(x) is not np.ndarray and hasattr(x, "columns")]
    for i, columns in frames:
        first, expected = frames[0]
        if i == first:
            check_distinct(items[i], f"{name}[{i}]")
        if columns != expected:
            found = f"[{listed(map(repr, columns))}], but {name}[{first}] has [{listed(map(repr, expected))}]"
            raise ValueError(f"{name}[{i}] has the columns {found}")
    return frames[0][1] if frames else None


def places_of(expected, found, where):
    """Return where the expected columns are among those found.

    Parameters
    ----------
    expected, found : sequence of str
    where : str
        Whose columns were found, for errors: a file, or the name of a parameter.

    Returns
    -------
    places : ndarray of int, or None
        None where all are in their places.

    Raises
    ------
    ValueError
        Naming a column that is missing, that is new, or that is there twice.

    Examples
    --------
    >>> from numrnn.data.names import places_of
    >>> places_of(["pulse", "temperature"], ["temperature", "pulse"], "may.csv")
    array([1, 0])
    """
    expected, found = list(expected), list(found)
    if expected == found:
        return None
    place = {name: i for i, name in enumerate(found)}
    missing, new = [name for name in expected if name not in place], sorted(set(found) - set(expected))
    faults = [f"column {missing[0]!r:.80} is missing{_more(missing)}"] if missing else []
    faults += [f"column {new[0]!r:.80} is new{_more(new)}"] if new else []
    if not faults and len(expected) != len(found):
        twice = next(name for i, name in enumerate(found) if place[name] != i)
        faults = [f"column {twice!r:.80} is there twice"]
    if faults:
        raise ValueError(f"{where}: {', '.join(faults)}; expected the columns {listed(map(repr, expected))}")
    return np.array([place[name] for name in expected])


def check_same_order(known, found, what, where):
    """Raise a ValueError unless columns are those of the fit, in its order.

    Parameters
    ----------
    known, found : sequence of str
    what, where : str
        What errors call the columns, and whose they are, see `places_of`.

    Examples
    --------
    >>> from numrnn.data.names import check_same_order
    >>> check_same_order(["a", "b"], ["b", "a"], "y: the columns", "y")
    Traceback (most recent call last):
    ValueError: y: the columns must be in the order that they were in during fit: 'a', 'b'; they are 'b', 'a'
    """
    if places_of(known, found, where) is not None:
        expected, found = (listed(map(repr, order)) for order in (known, found))
        raise ValueError(f"{what} must be in the order that they were in during fit: {expected}; they are {found}")


def _more(names):
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""
