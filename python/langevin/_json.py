"""Conversion of Python objects to plain JSON values."""

import numbers
from typing import Any


def plain(value: Any) -> Any:
    """Convert a config to plain dicts, lists, numbers and strings.

    Numpy scalars and arrays, tuples and mappings of any class become the types of JSON; any other
    object becomes its string.

    Parameters
    ----------
    value : object
        The config or one of its values.

    Returns
    -------
    None, bool, int, float, str, list or dict
        The value that ``json.dumps`` writes.
    """
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if hasattr(value, "items"):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    return str(value)
