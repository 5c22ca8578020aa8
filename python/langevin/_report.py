"""Figures of a command, as a dict that prints as the command does."""

from typing import Any, Dict


class Report(Dict[str, Any]):
    """Figures of a command as a dict; printing it gives the text of the command.

    The keys are those of the command's ``--json``.

    Examples
    --------
    >>> import langevin, torch
    >>> model = langevin.Model(lambda x, t: x, "rectified-flow:velocity", shape=(2,))
    >>> report = model.evaluate(torch.randn(50, 2), steps=4)
    >>> report["rows"], report["nfe"]
    (50, 4)
    """

    text: str

    def __str__(self) -> str:
        return self.text
