"""Any network in Python as a model of tokens."""

import contextlib
import inspect
import itertools
import sys
from typing import Any, Callable, Dict, Iterator, Optional, Sequence, Tuple, Union

import numpy as np

from .._errors import ArgumentError
from .arrays import _array, _floats
from .base import _Core, _Tokens
from .results import TokenQuery


class TokenModel(_Tokens):
    """Any network on tokens, as a model that can be sampled and measured.

    The network is a ``torch.nn.Module`` or a function of tokens, an int64 array or tensor of shape
    (rows, length). It returns numbers of shape (rows, length, vocab), as an array, a tensor, an
    object with ``.logits`` or a tuple whose first entry they are. A masked language model, such as
    those of transformers, may have a column for the mask, which is ignored: it is never drawn.

    A network on levels is called with a second argument for each row (``time=``). If the second
    parameter is named ``query``, it receives a :class:`TokenQuery`.

    Parameters
    ----------
    net : torch.nn.Module or callable
        The network.
    vocab : int
        V, the number of letters of clean data, without the mask.
    length : int
        The number of tokens of a sequence.
    noise : str or sequence of float, default "masked"
        ``"masked"``, ``"uniform"``, or the probabilities from which noised tokens are drawn.
    prediction : {"posterior", "leave-one-out", "score"}, default "posterior"
        What the network predicts: the law of a clean token given all tokens, or given all others,
        or the ratios of probabilities. Under masked noise the first two are the same.
    output : {"logits", "probabilities"}, default "logits"
        The form of the output. The logits of a score are its logarithms.
    mask : int, optional
        The identifier of the mask, V by default. If it is less than V, the letters are all other
        identifiers from 0 to V.
    time : str or callable, optional
        The second argument of a network on levels: ``"survival"`` is α, the share of clean tokens,
        ``"noise"`` is 1 − α, and a function maps an array of α. By default there is none.
    forbid : sequence of int, default ()
        Identifiers of letters that are never drawn, such as those of special tokens; that of the mask
        may be among them.
    batch : int, optional
        The largest number of rows of one call. The default is at most 512, and less for large
        outputs. It does not change the samples.
    device : str or torch.device, optional
        The device of the tensors. The default is that of the module's weights; a function without a
        device receives numpy arrays.

    Raises
    ------
    UnknownNameError
        If the noise or the prediction has an unknown name.
    ArgumentError
        If the network cannot be called, or if another argument is out of range.

    Examples
    --------
    A masked language model over 4 letters, whose logits prefer the letter of the left neighbour:

    >>> import langevin, numpy
    >>> def net(tokens):
    ...     left = numpy.roll(tokens, 1, axis=1)[..., None]
    ...     return 2.0 * (left == numpy.arange(4))
    >>> model = langevin.TokenModel(net, vocab=4, length=8)
    >>> model.sample(3, seed=0, sampler="first-hitting").shape
    (3, 8)
    >>> model.likelihood([[1, 1, 1, 1, 2, 2, 2, 2]], exact=True).kind
    'exact'
    """

    def __init__(
        self,
        net: Any,
        *,
        vocab: int,
        length: int,
        noise: Union[str, Sequence[float]] = "masked",
        prediction: str = "posterior",
        output: str = "logits",
        mask: Optional[int] = None,
        time: Union[str, Callable[[np.ndarray], Any], None] = None,
        forbid: Sequence[int] = (),
        batch: Optional[int] = None,
        device: Any = None,
    ) -> None:
        if not callable(net) or isinstance(net, _Tokens):
            raise ArgumentError(
                f"bad network (TokenModel, net): expected a torch.nn.Module or a function of tokens, got {type(net).__name__}\n"
                "hint: models of this library are sampled by their own method sample"
            )
        if output not in ("logits", "probabilities"):
            raise ArgumentError(f"unknown output (TokenModel): expected 'logits' or 'probabilities', got {output!r}")
        if not (time is None or callable(time) or time in ("survival", "noise")):
            raise ArgumentError(f"unknown time (TokenModel): expected 'survival', 'noise' or a function of the survival, got {time!r}")
        self.module, self.time = net, time
        self._settings: Dict[str, Any] = dict(
            vocab=vocab, length=length, noise=noise, prediction=prediction, output=output, mask=mask, time=time, forbid=tuple(forbid), batch=batch, device=device
        )
        self._takes_query, required = _second(net)
        if required > 1 and time is None and not self._takes_query:
            raise ArgumentError(
                f"the network has {required} arguments (TokenModel, net): expected a function of tokens\n"
                "hint: time='survival' or time='noise' for a network on levels; fix other arguments with a lambda"
            )
        torch = sys.modules.get("torch")
        self._is_module = bool(torch and isinstance(net, torch.nn.Module))
        self._device = device
        if device is not None:
            import torch as loaded

            try:
                self._device = loaded.device(device)
            except (RuntimeError, TypeError):
                raise ArgumentError(f"unknown device (TokenModel, device): expected one of torch, such as 'cpu' or 'cuda', got {device!r}") from None
        prior = noise if isinstance(noise, str) else [float(one) for one in noise]
        self._core = _Core.called(self._call, vocab, length, prior, prediction, output == "logits", mask, [int(one) for one in forbid], batch)

    def with_length(self, length: int) -> "TokenModel":
        """Return the same network for sequences of another length.

        Parameters
        ----------
        length : int
            The number of tokens of a sequence.

        Returns
        -------
        TokenModel
            The model.

        Examples
        --------
        >>> import langevin, numpy
        >>> model = langevin.TokenModel(lambda x: numpy.zeros((*x.shape, 4)), vocab=4, length=6)
        >>> model.with_length(9).sample(2).shape
        (2, 9)
        """
        return TokenModel(self.module, **{**self._settings, "length": length})

    def __repr__(self) -> str:
        noise = self.noise if isinstance(self.noise, str) else "prior"
        return f"TokenModel({type(self.module).__name__}, {self.length} tokens of {self.vocab} letters, {noise} noise)"

    def _place(self) -> Any:
        """Return the device of the tensors, or ``None`` for arrays."""
        if self._device is not None or not self._is_module:
            return self._device
        import torch

        weights = next(itertools.chain(self.module.parameters(), self.module.buffers()), None)
        return torch.device("cpu") if weights is None else weights.device

    @contextlib.contextmanager
    def _active(self) -> Iterator[None]:
        """Switch dropout, batch statistics and gradients off for the time of a task."""
        torch = sys.modules.get("torch")
        if torch is None:
            yield
            return
        training = [one for one in self.module.modules() if one.training] if self._is_module else []
        for one in training:
            one.training = False
        try:
            with torch.no_grad():
                yield
        finally:
            for one in training:
                one.training = True

    def _result(self, tokens: np.ndarray) -> Any:
        place = self._place()
        if place is None:
            return tokens
        import torch

        return torch.from_numpy(tokens).to(place)

    def _call(self, tokens: np.ndarray, alpha: np.ndarray, rows: np.ndarray, branch: str, index: int) -> np.ndarray:
        """Answer one question of the compiled half."""
        place, x, level = self._place(), tokens, alpha
        if place is not None:
            import torch

            x = torch.from_numpy(tokens).to(place)  # type: ignore[assignment]
        if self._takes_query and self.time is None:
            return _floats(self.module(x, TokenQuery(x, level, index, rows, branch)))
        if self.time is None:
            return _floats(self.module(x))
        values = self.time(level) if callable(self.time) else level if self.time == "survival" else 1.0 - level
        if place is not None:
            weights = next((one for one in self.module.parameters() if one.is_floating_point()), None) if self._is_module else None
            kind = torch.float64 if weights is not None and weights.dtype == torch.float64 else torch.float32
            values = torch.as_tensor(np.asarray(_array(values))).to(place, kind)
        return _floats(self.module(x, values))


def _second(net: Any) -> Tuple[bool, int]:
    """Return whether the second parameter is named query, and the number of required parameters."""
    function = getattr(net, "forward", net)
    try:
        parameters = [one for one in inspect.signature(function).parameters.values() if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    except (TypeError, ValueError):
        return False, 1
    required = sum(one.default is one.empty for one in parameters)
    return len(parameters) > 1 and parameters[1].name == "query", required
