"""Plans of samplers that others wrote, from one run on basis vectors.

========================  =========================================================================
Module                    Contents
========================  =========================================================================
``record``                the runs of the sampler, and the check that it is linear
``noise``                 the capture of random numbers, of torch and of numpy
``adapters``              the calling conventions of other libraries, one file for each
========================  =========================================================================
"""

from typing import TYPE_CHECKING, Any, Callable, Mapping, Optional, Sequence, Union

from .. import _langevin
from .._errors import ArgumentError
from .._formulation import _formulation
from . import adapters
from .record import Run, record

if TYPE_CHECKING:
    from .._langevin import Formulation, Plan

__all__ = ["trace"]


def trace(
    fn: Union[Callable[..., Any], Any],
    formulation: Union["Formulation", str, None] = None,
    *,
    steps: Optional[int] = None,
    args: Sequence[Any] = (),
    options: Optional[Mapping[str, Any]] = None,
    start: Optional[float] = None,
    name: Optional[str] = None,
    shape: Optional[Sequence[int]] = None,
    backend: Optional[str] = None,
    dtype: str = "float64",
) -> "Plan":
    """Return the plan of a sampler that another library or program wrote.

    The sampler runs on basis vectors: each element of the state carries the weight of one part of
    the state, which is the start, an output of the network, or a draw of noise. So the weights are
    exact, and neither a network nor data is needed. Two more runs on random vectors check that the
    sampler is linear.

    Parameters
    ----------
    fn : callable or scheduler
        A function ``fn(model, x, *args, **options)`` that calls ``model(x, time)`` and returns the
        sample, or a scheduler of diffusers. Arguments of the model may have any order and names;
        the state is recognised by its shape, and the time is the first other number. A ``lambda``
        adapts any other calling convention.
    formulation : Formulation or str, optional
        What the sampler expects of its network, as a :class:`Formulation` or as
        ``"process:prediction"``. Its time is the number that the model is called with. Schedulers
        of diffusers and functions of k-diffusion (``"ve:x0"``), torchdiffeq and flow_matching (a
        flow from noise at 0 to data at 1) have a default.
    steps : int, optional
        The number of steps of a scheduler.
    args : sequence, optional
        Further positional arguments of ``fn``.
    options : mapping, optional
        Further keyword arguments of ``fn``; of a scheduler those of ``set_timesteps`` and ``step``.
    start : float, optional
        The standard deviation of the noise that ``fn`` is to be given as ``x``. The default is that
        of the noise at the first call of the network.
    name : str, optional
        The name of the plan; the default is that of the function or class.
    shape : sequence of int, optional
        The shape of ``x``, for functions that need a certain one. The default is (1, 1, 1, n).
    backend : {"torch", "numpy"}, optional
        The kind of array that ``fn`` works on. The default is ``"torch"`` for functions in whose
        module torch is imported, else ``"numpy"``.
    dtype : {"float64", "float32"}, default "float64"
        The precision of ``x``.

    Returns
    -------
    Plan
        The plan, without moves. :attr:`Plan.origin` says where it comes from and how precise its
        numbers are: 64 roundings of the least precise numbers that the sampler computed with.

    Raises
    ------
    TraceError
        If the sampler has no table: it is not linear (clipping, thresholding, steps that depend on
        the data), mixes elements of the state, or uses random numbers that cannot be captured.
    ShapeError
        If the model is called with another shape, or if the result has one.
    ArgumentError
        If the model is not called, if its input is not finite, if a time is not in the process, or
        if an argument cannot be read.

    Examples
    --------
    >>> import langevin, numpy
    >>> def euler(model, x, times):
    ...     for now, then in zip(times[:-1], times[1:]):
    ...         x = x + (then - now) * model(x, now)
    ...     return x
    >>> plan = langevin.trace(euler, "rectified-flow:velocity", args=([1.0, 0.75, 0.5, 0.25, 0.0],))
    >>> plan.lint(), plan.is_same(langevin.Plan("euler", grid="times:1,0.75,0.5,0.25,0"))
    ([], True)
    """
    if dtype not in ("float64", "float32"):
        raise ArgumentError(f"bad dtype: expected 'float64' or 'float32', got '{dtype}'")
    if backend not in (None, "torch", "numpy"):
        raise ArgumentError(f"bad backend: expected 'torch' or 'numpy', got '{backend}'")
    call = adapters.find(fn, steps, tuple(args), dict(options or {}))
    if backend is not None:
        call.backend = backend
    if isinstance(formulation, str) and ":" not in formulation:
        raise ArgumentError(f"bad formulation: expected 'process:prediction', as in 've:x0', got '{formulation}'")
    formulation = call.formulation if formulation is None else _formulation(formulation)
    if formulation is None:
        raise ArgumentError(
            f"no formulation: expected what the network of {call.name} predicts, on which process\n"
            "hint: give it as the second argument, for example \"ve:x0\" or langevin.Formulation(…)"
        )
    run: Run = record(call, dtype, None if shape is None else tuple(int(size) for size in shape))
    source = f"{call.source}, traced in {run.precision}"
    return _langevin._trace(
        name or call.name, source, formulation, run.calls, run.result, call.start if start is None else start, run.roundoff
    )
