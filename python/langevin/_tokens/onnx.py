"""Networks on tokens in ONNX files."""

import os
from typing import Any, List, Mapping, Optional, Sequence, Union

from .base import _Core, _Tokens


class TokenOnnxNetwork(_Tokens):
    """Network on tokens in an ONNX file, evaluated by ONNX Runtime.

    The graph takes identifiers of tokens, int32 or int64 of shape (rows, length), and returns
    logits, one for each identifier: shape (rows, length, columns). Samples are the bits of
    ``langevin sample --onnx``. A second input of one number a row is the time 1 − α.

    Parameters
    ----------
    path : str or os.PathLike
        The ONNX file.
    noise : str or sequence of float, default "masked"
        ``"masked"``, ``"uniform"``, or the probabilities from which noised tokens are drawn.
    mask : int, optional
        The identifier of the mask, which masked noise needs. If the output has a column for it, the
        letters are all others: the mask is never drawn.
    length : int, optional
        The number of tokens of a sequence, if the file leaves it open.
    prediction : {"posterior", "leave-one-out", "score"}, default "posterior"
        What the network predicts; see :class:`TokenModel`.
    inputs : mapping of str to array_like, optional
        The values of further inputs by name, with one row for all samples or one for each.
        ``attention_mask`` is 1, ``token_type_ids`` 0 and ``position_ids`` counts without a value.
    uncond_inputs : mapping of str to array_like, optional
        The values that differ on the unconditional branch of guidance.
    output : str, optional
        The name of the output. By default it is the one of three axes, or ``"logits"``.

    Raises
    ------
    ArgumentError
        If the mask or the length is missing, or if an argument does not fit the graph.
    UnknownNameError
        If the noise or the prediction has an unknown name.
    ModelError
        If the file or ONNX Runtime cannot be loaded.

    Examples
    --------
    With ``language.onnx``, a masked language model over 4 letters and the mask 4:

    >>> import langevin
    >>> network = langevin.TokenOnnxNetwork("language.onnx", mask=4, length=8)
    >>> network.vocab, network.sample(3, seed=0, sampler="halton", steps=4).shape
    (4, (3, 8))
    >>> network.sample(2, start=[0, 1, 4, 4, 4, 4, 4, 4])[:, :2].tolist()
    [[0, 1], [0, 1]]
    """

    def __init__(
        self,
        path: Union[str, "os.PathLike[str]"],
        *,
        noise: Union[str, Sequence[float]] = "masked",
        mask: Optional[int] = None,
        length: Optional[int] = None,
        prediction: str = "posterior",
        inputs: Optional[Mapping[str, Any]] = None,
        uncond_inputs: Optional[Mapping[str, Any]] = None,
        output: Optional[str] = None,
    ) -> None:
        prior = noise if isinstance(noise, str) else [float(one) for one in noise]
        self._path = os.fspath(path)
        self._core = _Core.onnx(path, prior, prediction, mask, length, inputs, uncond_inputs, output)

    @property
    def inputs(self) -> List[str]:
        """Inputs of the graph, each with its type and shape."""
        inputs: List[str] = self._core.ports[0]
        return inputs

    @property
    def output(self) -> str:
        """Output of the graph that is read, with its type and shape."""
        return str(self._core.ports[1])

    def __repr__(self) -> str:
        noise = self.noise if isinstance(self.noise, str) else "prior"
        return f"TokenOnnxNetwork({os.path.basename(self._path)!r}, {self.length} tokens of {self.vocab} letters, {noise} noise)"
