"""Fields of tables: names, labels and numbers, but no texts."""

__all__ = ["check_widths", "listed"]

LONGEST = 1000  # characters: an array of texts takes the widest one's bytes for each
SHOWN = 200  # characters of names in a message


def check_widths(fields, name, place):
    """Refuse a column with a field that is too long for a name, a label or a number.

    Parameters
    ----------
    fields : sequence of str
    name : str
        Of the column.
    place : callable
        Takes the number of a field, returns where it stands.

    Raises
    ------
    ValueError
        If a field is longer than `LONGEST`, such as the rest of a file behind a quote that is not closed.

    Examples
    --------
    >>> from numrnn.data.readers.fields import check_widths
    >>> check_widths(["a", "b" * 2000], "label", lambda i: f"line {i + 2}")
    Traceback (most recent call last):
    ValueError: line 3: column 'label' has 2000 characters, expected at most 1000: is a quote missing?
    """
    if max(map(len, fields), default=0) > LONGEST:
        i, n = next((i, len(field)) for i, field in enumerate(fields) if len(field) > LONGEST)
        raise ValueError(
            f"{place(i)}: column {name!r:.80} has {n} characters, expected at most {LONGEST}: is a quote missing?"
        )


def listed(names):
    """Return the names of columns for a message, as many as there is room for."""
    text = ", ".join(names)
    return text if len(text) <= SHOWN else text[:SHOWN] + " ..."
