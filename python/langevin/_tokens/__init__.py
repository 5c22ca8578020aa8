"""Models of tokens: any network in Python, model files, and exact densities.

===========  ======================================================================
Module       Contents
===========  ======================================================================
``base``     methods that all models of tokens have
``model``    any network in Python
``network``  model files of ``langevin train``
``onnx``     networks in ONNX files
``density``  densities that are known exactly
``plans``    tasks of plans, which the compiled half calls
``results``  results of the tasks
``arrays``   arrays and tensors at the border of the compiled half
===========  ======================================================================
"""

from .arrays import _floats
from .base import _Tokens
from .density import TokenDensity
from .model import TokenModel
from .network import TokenNetwork
from .onnx import TokenOnnxNetwork
from .plans import _analyze, _law, _run
from .results import TokenCandidate, TokenLikelihood, TokenQuery, TokenRanking, TokenTuned

__all__ = [
    "TokenCandidate",
    "TokenDensity",
    "TokenLikelihood",
    "TokenModel",
    "TokenNetwork",
    "TokenOnnxNetwork",
    "TokenQuery",
    "TokenRanking",
    "TokenTuned",
    "_Tokens",
    "_analyze",
    "_floats",
    "_law",
    "_run",
]
