"""Tensors on any device: the operations of torch that the library's executor needs."""

import torch

from ._errors import ArgumentError, ShapeError
from ._module import of_module


class Tensors:
    """Operations on tensors of one shape, dtype and device, called by the compiled half.

    Parameters
    ----------
    shape : sequence of int
        The shape of the states, (rows, ...).
    dtype : torch.dtype
        The dtype of the states.
    device : torch.device
        The device of the states.
    """

    def __init__(self, shape, dtype, device):
        self.shape, self.dtype, self.device = tuple(shape), dtype, device

    def _coefficient(self, value):
        if isinstance(value, float):
            return value
        column = torch.from_numpy(value).to(self.device, self.dtype, non_blocking=True)
        return column.reshape(-1, *[1] * (len(self.shape) - 1))

    def combine(self, terms, normals, rows):
        """Return Σ coefficient · tensor + Σ coefficient · normals, summed in this order.

        Parameters
        ----------
        terms : list of (float or numpy.ndarray, torch.Tensor)
            Coefficients, one number or one for each row, and tensors.
        normals : list of (float or numpy.ndarray, numpy.ndarray)
            Coefficients and standard normal noise, float32, flat.
        rows : int
            The number of rows of the batch.

        Returns
        -------
        torch.Tensor, shape (rows, ...)
            The sum.
        """
        shape = (rows, *self.shape[1:])
        total = None
        for coefficient, tensor in terms:
            total = self._add(total, self._coefficient(coefficient), tensor)
        for coefficient, normal in normals:
            # The host does not wait for the copy: memory that is not pinned is staged by the driver.
            tensor = torch.from_numpy(normal).to(self.device, non_blocking=True).to(self.dtype).reshape(shape)
            total = self._add(total, self._coefficient(coefficient), tensor)
        return torch.zeros(shape, dtype=self.dtype, device=self.device) if total is None else total

    @staticmethod
    def _add(total, coefficient, tensor):
        if total is None:
            return tensor * coefficient
        if isinstance(coefficient, float):
            return torch.add(total, tensor, alpha=coefficient)
        return total + tensor * coefficient

    def clamp(self, args, low, high):
        """Return the tensor, clamped to [low, high]."""
        return args[0].clamp(low, high)

    def threshold(self, args, ratio, most):
        """Clamp each row to ±s and divide by s, the quantile of its absolute values.

        The quantile ``ratio`` is limited to [1, most].
        """
        rows = args[0].reshape(len(args[0]), -1)
        s = torch.quantile(rows.abs().double(), ratio, dim=1, keepdim=True).clamp(1.0, most).to(self.dtype)
        return (rows.clamp(-s, s) / s).reshape(args[0].shape)

    def multiply(self, args, *_):
        """Return the elementwise product of two tensors."""
        return args[0] * args[1]

    def learned_std(self, args, small, large):
        """Return standard deviations with logarithms from ``small`` (at −1) to ``large`` (at 1)."""
        return torch.exp(0.5 * (1 + args[0]) * large + 0.5 * (1 - args[0]) * small)

    @staticmethod
    def _rows(tensor):
        """Return the rows, flat, in double precision if the device supports it."""
        wide = tensor.float() if tensor.device.type == "mps" else tensor.double()
        return wide.reshape(len(tensor), -1)

    @staticmethod
    def _column(tensor):
        """Return one number for each row as a numpy array of float64."""
        return tensor.detach().cpu().double().reshape(-1).numpy()

    def upload(self, values):
        """Return a flat array of float64 as a tensor of states."""
        return torch.from_numpy(values).to(self.dtype).to(self.device).reshape(-1, *self.shape[1:])

    def download(self, tensor):
        """Return the elements of a tensor as a flat array of float64."""
        return self._column(tensor)

    def dots(self, a, b):
        """Return the dot product of each row of two tensors."""
        return self._column((self._rows(a) * self._rows(b)).sum(1))

    def error_norms(self, low, high, previous, absolute, relative):
        """Return the norm of each row's step error, relative to its tolerance."""
        low, high, previous = self._rows(low), self._rows(high), self._rows(previous)
        scale = (relative * torch.maximum(low.abs(), previous.abs())).clamp(min=absolute)
        return self._column(((low - high) / scale).square().mean(1).sqrt())

    def relative_norms(self, error, before, after, floor):
        """Return the norm of each row's error, relative to the size of its states plus a floor."""
        error, before, after = self._rows(error), self._rows(before), self._rows(after)
        floor = torch.from_numpy(floor).to(error.dtype).to(error.device)[:, None]
        return self._column((error / (floor + torch.maximum(before.abs(), after.abs()))).square().mean(1).sqrt())

    def take_rows(self, tensor, rows):
        """Return the given rows of a tensor."""
        return tensor[torch.tensor(rows, dtype=torch.long, device=self.device)]

    def put_rows(self, into, tensor, sources, targets):
        """Return a copy of ``into`` whose rows ``targets`` are rows ``sources`` of a tensor."""
        # The model or the user may still hold `into`, so it is not modified in place.
        into = into.clone()
        into[torch.tensor(targets, dtype=torch.long, device=self.device)] = self.take_rows(tensor, sources)
        return into


class Run:
    """A run of a plan on tensors.

    CPU tensors in single or double precision share the memory of the library's arrays, unless
    gradients are recorded. All other tensors are combined by torch.

    Parameters
    ----------
    plan : Plan
        The plan.
    device : torch.device
        The device of the states.
    dtype : torch.dtype
        The dtype of the states.
    shape : sequence of int
        The shape of the states, (rows, ...).
    seed : int or sequence of int
        The seed, or one for each row.
    inputs : sequence of torch.Tensor
        The states that the plan takes from the caller.
    first : int
        The index of the first sample.
    threads : int, optional
        The number of threads for shared memory. The default is torch's.
    start : torch.Tensor, optional
        A start state that replaces the noise that the plan would draw.
    memory : Stepper, optional
        An earlier run, whose arrays are reused.
    grad : bool
        Keep the history of tensors for gradients.
    """

    def __init__(self, plan, device, dtype, shape, seed, inputs=(), first=0, threads=None, start=None, memory=None, grad=False):
        self.device, self.dtype, self.grad = torch.device(device), dtype, grad
        # The library's arrays record no history, so gradients need torch's own operations.
        self.shared = self.device.type == "cpu" and dtype in (torch.float32, torch.float64) and not grad
        name = str(dtype).removeprefix("torch.") if self.shared else "float32"
        tensors = None if self.shared else Tensors(shape, dtype, self.device)
        self.shape = tuple(shape)
        inputs = [self._in(entry, "an input") for entry in inputs]
        start = None if start is None else self._in(start, "the start")
        self.stepper = plan.start(self.shape, seed, first=first, dtype=name, inputs=inputs, tensors=tensors, start=start, memory=memory, threads=threads or torch.get_num_threads())

    def _in(self, value, what):
        """Convert a tensor of the caller to a state, or raise a ``ShapeError``."""
        if self.shared and isinstance(value, torch.Tensor) and value.dtype is self.dtype and value.is_cpu:
            return value.detach().numpy() if value.requires_grad else value.numpy()
        if not isinstance(value, torch.Tensor):
            raise ShapeError(f"{what} is no tensor: expected torch.Tensor, got {type(value).__name__}")
        if not value.is_floating_point():
            raise ShapeError(f"{what} has the wrong dtype: expected a floating-point tensor, got {value.dtype}")
        value = value if self.grad else value.detach()
        if self.shared:
            return value.to("cpu", self.dtype).numpy()
        if tuple(value.shape) != self.shape:
            raise ShapeError(f"{what} has the wrong shape: expected {self.shape}, got {tuple(value.shape)}")
        return value.to(self.device, self.dtype)

    def _out(self, value):
        """Convert a state to a tensor."""
        return torch.from_numpy(value) if self.shared and value is not None else value

    def query(self):
        """Return the next evaluation, as :meth:`Stepper.query` does."""
        return self.stepper.query()

    def advance(self):
        """Execute up to the next evaluation, as :meth:`Stepper.advance` does."""
        return self.stepper.advance()

    def input(self, query):
        """Return the model's input as a tensor."""
        return self._out(query.x)

    def asked(self, x):
        """Return the version of the input, to detect writes of the model."""
        return _version(x)

    def refuse_written(self, x, before):
        """Raise an ``ArgumentError`` if the model wrote into its input."""
        if _version(x) != before:
            raise ArgumentError("the model writes into its input x, which the run goes on with: expected a model that copies x first, as in x = x.clone()")

    def supply(self, output):
        """Answer the pending evaluation with the model's output."""
        self.stepper.supply(self._in(output, "the model's output"))

    def step(self, output, state=None):
        """Answer the pending evaluation; return the next state or the result.

        A given ``state`` replaces the state of the pending evaluation first.
        """
        state = None if state is None else self._in(state, "the state")
        return self._out(self.stepper.step(self._in(output, "the model's output"), state))

    def replace(self, state):
        """Replace the state of the pending evaluation."""
        self.stepper.replace(self._in(state, "the state"))

    @property
    def state(self):
        """State of the pending evaluation, before its input scaling."""
        return self._out(self.stepper.state)

    @property
    def denoised(self):
        """Denoised prediction of the last answer."""
        return self._out(self.stepper.denoised)

    def finish(self):
        """Return the result and end the run."""
        return self._out(self.stepper.finish())


class Answers:
    """A model on tensors, for programs in which every row has its own noise level.

    It answers with outputs and vector-Jacobian products.

    Parameters
    ----------
    model : torch.nn.Module or callable
        The model.
    shape : sequence of int
        The shape of the states, (rows, ...).
    dtype : torch.dtype or str, optional
        The dtype. The default is that of ``like``, or float32.
    device : torch.device or str, optional
        The device. The default is that of ``like``, of the module's weights, or the CPU.
    like : torch.Tensor, optional
        A tensor whose dtype and device are taken.
    is_module : bool
        ``True`` for a ``torch.nn.Module``.
    """

    def __init__(self, model, shape, dtype, device, like, is_module):
        if is_module:
            self._weights = next(model.parameters(), None)
            model = of_module(model)
        else:
            self._weights = None
        if isinstance(like, torch.Tensor):
            dtype, device = like.dtype, like.device if device is None else device
        elif device is None:
            device = "cpu" if self._weights is None else self._weights.device
        self.kind = _kind(dtype)
        self.model, self.device, self.shape = model, torch.device(device), tuple(shape)
        self.dtype = "float32"
        self.tensors = Tensors(shape, self.kind, self.device)

    def data(self, x):
        """Return data as a tensor of this run's dtype and device."""
        return torch.as_tensor(x).detach().to(self.device, self.kind)

    def input(self, x):
        """Return the model's input."""
        return x

    def column(self, values, x):
        """Return one number for each row as a tensor that broadcasts over ``x``."""
        wide = self.kind if self.kind in (torch.float32, torch.float64) else torch.float32
        return torch.from_numpy(values).to(wide).to(self.device).reshape(-1, *[1] * (x.dim() - 1))

    def _checked(self, out, x):
        if not isinstance(out, torch.Tensor):
            raise ShapeError(f"the model's output is no tensor: expected torch.Tensor, got {type(out).__name__}")
        if out.shape != x.shape:
            raise ShapeError(f"the model's output has the wrong shape: expected {tuple(x.shape)}, got {tuple(out.shape)}")
        return out

    def answer(self, x, query, cotangents):
        """Return the model's output and its vector-Jacobian product for each cotangent."""
        before = _version(x)
        if not cotangents:
            with torch.no_grad():
                out = self._checked(self.model(x, query), x)
            if _version(x) != before:
                raise ArgumentError("the model writes into its input x, which the run goes on with: expected a model that copies x first, as in x = x.clone()")
            return out.to(self.device, self.kind), []
        with torch.enable_grad():
            x = x.detach().clone().requires_grad_(True)
            out = self._checked(self.model(x * 1.0, query), x)
            products = [self._product(out, x, v, last=v is cotangents[-1]) for v in cotangents]
        return out.detach().to(self.device, self.kind), products

    @staticmethod
    def _product(out, x, v, last):
        """Return the vector-Jacobian product vᵀ ∂out/∂x."""
        if not out.requires_grad:
            return torch.zeros_like(x)
        (product,) = torch.autograd.grad(out, x, v.to(out.dtype), retain_graph=not last, allow_unused=True)
        return torch.zeros_like(x) if product is None else product


def _version(x):
    """Return a number that changes if a tensor is written into; 0 in inference mode, which has none."""
    return 0 if x.is_inference() else x._version


def _kind(dtype):
    """Return a floating-point dtype of torch by its numpy or torch name; float32 for ``None``."""
    if dtype is None:
        return torch.float32
    kind = dtype if isinstance(dtype, torch.dtype) else getattr(torch, str(dtype).removeprefix("torch."), None)
    if not isinstance(kind, torch.dtype) or not kind.is_floating_point:
        raise ShapeError(f"bad dtype: expected 'float32', 'float64' or another floating-point type of torch, got {dtype!r}")
    return kind
