"""Arrays of numpy and tensors of torch at the border of the compiled half."""

from typing import Any

import numpy as np

from .._errors import ShapeError


def _array(values: Any) -> Any:
    """Return a tensor as an array, and anything else as it is."""
    if hasattr(values, "detach"):
        return values.detach().cpu().numpy()
    return values


def _floats(output: Any) -> np.ndarray:
    """Return the output of a network as an array of float32 or float64."""
    output = getattr(output, "logits", output)
    if isinstance(output, tuple) and output:
        output = output[0]
    if hasattr(output, "detach"):
        output = output.detach()
        if output.is_floating_point() and output.element_size() < 4:
            output = output.float()
        output = output.cpu().numpy()
    try:
        found = np.asarray(output)
    except ValueError:
        found = np.asarray(None)
    if found.dtype.kind not in "fiub":
        raise ShapeError(
            f"the network's output is no array (TokenModel): expected numbers of shape (rows, length, vocab), got {type(output).__name__}"
        )
    return np.ascontiguousarray(found, dtype=found.dtype if found.dtype in (np.float32, np.float64) else np.float64)
