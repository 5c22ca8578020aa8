"""Tree of exceptions.

Each message says what is wrong, where, what was expected, what was given and, if possible, a hint.
"""


class Error(ValueError):
    """Base class of all errors of this library, which is a ``ValueError``.

    The text names the problem, its place, the expected and the given value, and often a hint on a
    second line.

    Examples
    --------
    >>> import langevin
    >>> try:
    ...     langevin.Process("vpp")
    ... except langevin.Error as error:
    ...     print(type(error).__name__)
    UnknownNameError
    """


class ArgumentError(Error):
    """Error for an argument that has the wrong type, is out of range, or conflicts with another.

    Examples
    --------
    >>> import langevin
    >>> try:
    ...     langevin.Plan("ddim", "vp", steps=0)
    ... except langevin.ArgumentError as error:
    ...     print(error)
    bad number of steps: expected 1 to 100000, got 0
    """


class UnknownNameError(Error):
    """Error for an unknown name; the text suggests the nearest known name.

    Examples
    --------
    >>> import langevin
    >>> try:
    ...     langevin.Density("mons")
    ... except langevin.UnknownNameError as error:
    ...     print(str(error).splitlines()[-1])
    hint: did you mean 'moons'?
    """


class KeywordError(UnknownNameError, TypeError):
    """Error for an unknown keyword argument; the text suggests the nearest known keyword.

    It is also a ``TypeError``, like Python's own error for an unknown keyword.

    Examples
    --------
    >>> import langevin
    >>> try:
    ...     langevin.Plan(stesp=20)
    ... except TypeError as error:
    ...     print(str(error).splitlines()[-1])
    hint: did you mean 'steps'?
    """


class FormatError(Error):
    """Error for a document or file that breaks its format.

    Examples
    --------
    >>> import langevin
    >>> try:
    ...     langevin.Plan.from_json("{}")
    ... except langevin.FormatError as error:
    ...     print(str(error).partition(":")[0])
    not a plan
    """


class ShapeError(Error):
    """Error for a shape, dtype or device that does not fit.

    Examples
    --------
    >>> import langevin
    >>> try:
    ...     langevin.Density("moons").log_density([1.0])
    ... except langevin.ShapeError as error:
    ...     print(error)
    the points have the wrong shape: expected (…, 2), got [1]
    """


class SingularError(Error):
    """Error for a quantity that has no finite value at the given place.

    An example is the denoised prediction of a network that predicts ε, at a level without signal.
    """


class ModelError(Error):
    """Error for a model that failed, such as an ONNX file that cannot be evaluated.

    Exceptions of a model written in Python are not wrapped: they are passed on unchanged.
    """


class TraceError(Error):
    """Error for a sampler that :func:`trace` cannot write as a table.

    Examples
    --------
    >>> import langevin, numpy
    >>> try:
    ...     langevin.trace(lambda model, x: numpy.clip(model(x, 1.0), -1, 1), "ve:x0")
    ... except langevin.TraceError as error:
    ...     print(str(error).partition(":")[0])
    sampler has no table
    """


for _error in (Error, ArgumentError, UnknownNameError, KeywordError, FormatError, ShapeError, SingularError, ModelError, TraceError):
    # Tracebacks show the public name, `langevin.Error`, instead of the private module.
    _error.__module__ = "langevin"
