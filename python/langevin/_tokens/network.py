"""Model files of tokens."""

import functools
import os
from typing import Any, Dict, List, Sequence, Union

import numpy as np

from .base import _Core, _Tokens


class TokenNetwork(_Tokens):
    """Network on tokens that was trained with ``langevin train``.

    Samples are the bits of ``langevin sample``. Texts can be given in place of tokens. Graphs are
    tokens too: the text of one is graph6, or a line of labels. The text of a row of categories is
    ``"yes, rose"``. :class:`TableNetwork` opens models of numbers and categories together.

    Parameters
    ----------
    path : str or os.PathLike
        The model file, such as ``"tokens.safetensors"``.
    class_labels : str, int or sequence, optional
        The classes of the samples, by name or number; several are taken in turn. Without them the
        samples have no class.

    Raises
    ------
    ArgumentError
        If the file does not exist, holds a model of numbers, or does not know a class.
    FormatError
        If the file is not a model file.

    Examples
    --------
    With a model of ``langevin train --data names --out tokens.safetensors``:

    >>> import langevin
    >>> network = langevin.TokenNetwork("tokens.safetensors")
    >>> samples = network.sample(3, seed=0, sampler="first-hitting")
    >>> samples.shape, len(network.decode(samples))
    ((3, 12), 3)
    >>> network.likelihood(["anna", "otto"]).nats.shape
    (2,)
    >>> mar = network.sample(2, start="marianne", keep="1-3", sampler="first-hitting")
    >>> [name[:3] for name in network.decode(mar)]
    ['mar', 'mar']
    """

    def __init__(
        self,
        path: Union[str, "os.PathLike[str]"],
        *,
        class_labels: Union[str, int, Sequence[Union[str, int]], None] = None,
    ) -> None:
        self._core, self._path, self._labels = _Core.network(path, class_labels), os.fspath(path), class_labels

    @property
    def letters(self) -> List[str]:
        """Texts of the letters."""
        letters: List[str] = self._core.letters
        return letters

    @property
    def classes(self) -> List[str]:
        """Names of the classes; empty for a network that was trained without classes."""
        classes: List[str] = self._core.classes
        return classes

    @property
    def parameters(self) -> int:
        """Number of weights."""
        return int(self._core.parameters)

    def encode(self, texts: Union[str, Sequence[str]]) -> np.ndarray:
        """Return the tokens of texts, padded to the length of the network.

        Parameters
        ----------
        texts : str or sequence of str
            The texts.

        Returns
        -------
        numpy.ndarray of int64, shape (rows, length)
            The tokens; one row for a single text.

        Raises
        ------
        ArgumentError
            If a text has an unknown letter, or is too long.
        """
        found: np.ndarray = self._core.encode([texts] if isinstance(texts, str) else list(texts))
        return found

    def decode(self, tokens: Any) -> List[str]:
        """Return the texts of tokens, without padding; a mask is shown as ``_``.

        Parameters
        ----------
        tokens : array_like of int, shape (rows, length)
            The tokens.

        Returns
        -------
        list of str
            The texts.

        Raises
        ------
        ArgumentError
            If a token is unknown.
        ShapeError
            If the tokens have the wrong shape.
        """
        found: List[str] = self._core.decode(tokens)
        return found

    def table(self, tokens: Any) -> Dict[str, np.ndarray]:
        """Return the columns of rows of a table of categories.

        Parameters
        ----------
        tokens : array_like of int, shape (rows, length)
            The rows, such as samples.

        Returns
        -------
        dict of str to numpy.ndarray, each of str and shape (rows,)
            The columns in the order of the training file. ``pandas.DataFrame`` takes it as it is.

        Raises
        ------
        ArgumentError
            If the network is not of a table, or a token is unknown or masked.
        ShapeError
            If the tokens have the wrong shape.

        Examples
        --------
        With a model of ``langevin train --data flags.csv --noise masked --out flags.safetensors``:

        >>> import langevin
        >>> network = langevin.TokenNetwork("flags.safetensors")
        >>> network.decode([[0, 1]])
        ['blue, three']
        >>> network.table([[0, 1]])
        {'colour': array(['blue'], dtype='<U4'), 'stripes': array(['three'], dtype='<U5')}
        """
        found: Dict[str, np.ndarray] = self._core.columns(tokens)
        return found

    def _tokens(self, data: Any) -> Any:
        if isinstance(data, str) or (isinstance(data, (list, tuple)) and data and all(isinstance(one, str) for one in data)):
            return self.encode(data)
        return data

    def __repr__(self) -> str:
        noise = self.noise if isinstance(self.noise, str) else "prior"
        return f"TokenNetwork({self.length} tokens of {self.vocab} letters, {noise} noise, {self.parameters} weights)"

    def __reduce__(self) -> Any:
        return functools.partial(TokenNetwork, class_labels=self._labels), (self._path,)
