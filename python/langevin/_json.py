"""Python's documents as JSON has them."""

import numbers
from typing import Any


def plain(value: Any) -> Any:
    """A config as plain dicts, lists, numbers and strings: numpy scalars, tuples and mappings of any class become JSON's own."""
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
