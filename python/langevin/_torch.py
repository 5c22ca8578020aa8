"""Tensors on any device: what the library's executor asks of torch."""

import torch

from ._errors import ArgumentError, ShapeError
from ._module import of_module


class Tensors:
    """Adds and multiplies tensors of one shape, dtype and device."""

    def __init__(self, shape, dtype, device):
        self.shape, self.dtype, self.device = tuple(shape), dtype, device

    def _coefficient(self, value):
        if isinstance(value, float):
            return value
        column = torch.as_tensor(value, dtype=self.dtype, device=self.device)
        return column.reshape(-1, *[1] * (len(self.shape) - 1))

    def combine(self, terms, normals, rows):
        """Σ coefficient · tensor + Σ coefficient · normals, in this order, for a batch of so many rows."""
        shape = (rows, *self.shape[1:])
        total = None
        for coefficient, tensor in terms:
            total = self._add(total, self._coefficient(coefficient), tensor)
        for coefficient, normal in normals:
            tensor = torch.from_numpy(normal).to(self.device, self.dtype).reshape(shape)
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
        return args[0].clamp(low, high)

    def threshold(self, args, ratio, most):
        rows = args[0].reshape(len(args[0]), -1)
        s = torch.quantile(rows.abs().double(), ratio, dim=1, keepdim=True).clamp(1.0, most).to(self.dtype)
        return (rows.clamp(-s, s) / s).reshape(args[0].shape)

    def multiply(self, args, *_):
        return args[0] * args[1]

    def learned_std(self, args, small, large):
        return torch.exp(0.5 * (1 + args[0]) * large + 0.5 * (1 - args[0]) * small)

    @staticmethod
    def _rows(tensor):
        """The rows of a tensor in double precision, where the device has it."""
        wide = tensor.float() if tensor.device.type == "mps" else tensor.double()
        return wide.reshape(len(tensor), -1)

    @staticmethod
    def _column(tensor):
        return tensor.detach().cpu().double().reshape(-1).numpy()

    def upload(self, values):
        return torch.from_numpy(values).to(self.dtype).to(self.device).reshape(-1, *self.shape[1:])

    def download(self, tensor):
        return self._column(tensor)

    def dots(self, a, b):
        return self._column((self._rows(a) * self._rows(b)).sum(1))

    def error_norms(self, low, high, previous, absolute, relative):
        low, high, previous = self._rows(low), self._rows(high), self._rows(previous)
        scale = (relative * torch.maximum(low.abs(), previous.abs())).clamp(min=absolute)
        return self._column(((low - high) / scale).square().mean(1).sqrt())

    def relative_norms(self, error, before, after, floor):
        error, before, after = self._rows(error), self._rows(before), self._rows(after)
        floor = torch.from_numpy(floor).to(error.dtype).to(error.device)[:, None]
        return self._column((error / (floor + torch.maximum(before.abs(), after.abs()))).square().mean(1).sqrt())

    def take_rows(self, tensor, rows):
        return tensor[torch.tensor(rows, dtype=torch.long, device=self.device)]

    def put_rows(self, into, tensor, sources, targets):
        # What was handed out is never written over.
        into = into.clone()
        into[torch.tensor(targets, dtype=torch.long, device=self.device)] = self.take_rows(tensor, sources)
        return into


class Run:
    """A run of a plan on tensors. Those of a CPU in single or double precision share the memory of the library's arrays; others are combined by torch."""

    def __init__(self, plan, device, dtype, shape, seed, inputs=(), first=0, threads=None, start=None, memory=None, grad=False):
        self.device, self.dtype, self.grad = torch.device(device), dtype, grad
        # Memory that the library writes into has no history.
        self.shared = self.device.type == "cpu" and dtype in (torch.float32, torch.float64) and not grad
        name = str(dtype).removeprefix("torch.") if self.shared else "float32"
        tensors = None if self.shared else Tensors(shape, dtype, self.device)
        self.shape = tuple(shape)
        inputs = [self._in(entry, "an input") for entry in inputs]
        start = None if start is None else self._in(start, "the start")
        self.stepper = plan.start(self.shape, seed, first=first, dtype=name, inputs=inputs, tensors=tensors, start=start, memory=memory, threads=threads or torch.get_num_threads())

    def _in(self, value, what):
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
        return torch.from_numpy(value) if self.shared and value is not None else value

    def query(self):
        return self.stepper.query()

    def advance(self):
        return self.stepper.advance()

    def input(self, query):
        """The model's input."""
        return self._out(query.x)

    def asked(self, x):
        """The state of the input before the model is called."""
        return x._version

    def refuse_written(self, x, before):
        """Refuses a model that wrote into its input."""
        if x._version != before:
            raise ArgumentError("the model writes into its input x, which the run goes on with: expected a model that copies x first, as in x = x.clone()")

    def supply(self, output):
        self.stepper.supply(self._in(output, "the model's output"))

    def step(self, output, state=None):
        """The state at the next evaluation, or the result, from the output at this one, with another state in the place of the last where one is given."""
        state = None if state is None else self._in(state, "the state")
        return self._out(self.stepper.step(self._in(output, "the model's output"), state))

    def replace(self, state):
        self.stepper.replace(self._in(state, "the state"))

    @property
    def state(self):
        return self._out(self.stepper.state)

    @property
    def denoised(self):
        return self._out(self.stepper.denoised)

    def finish(self):
        return self._out(self.stepper.finish())


class Answers:
    """A model on tensors for programs in which every row has its own noise level: outputs, and products with the Jacobian."""

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
        """Data as a tensor of this run."""
        return torch.as_tensor(x).detach().to(self.device, self.kind)

    def input(self, x):
        return x

    def column(self, values, x):
        return torch.from_numpy(values).to(self.kind).to(self.device).reshape(-1, *[1] * (x.dim() - 1))

    def _checked(self, out, x):
        if not isinstance(out, torch.Tensor):
            raise ShapeError(f"the model's output is no tensor: expected torch.Tensor, got {type(out).__name__}")
        if out.shape != x.shape:
            raise ShapeError(f"the model's output has the wrong shape: expected {tuple(x.shape)}, got {tuple(out.shape)}")
        return out

    def answer(self, x, query, cotangents):
        before = x._version
        if not cotangents:
            with torch.no_grad():
                out = self._checked(self.model(x, query), x)
            if x._version != before:
                raise ArgumentError("the model writes into its input x, which the run goes on with: expected a model that copies x first, as in x = x.clone()")
            return out.to(self.device, self.kind), []
        with torch.enable_grad():
            x = x.detach().clone().requires_grad_(True)
            out = self._checked(self.model(x * 1.0, query), x)
            products = [self._product(out, x, v, last=v is cotangents[-1]) for v in cotangents]
        return out.detach().to(self.device, self.kind), products

    @staticmethod
    def _product(out, x, v, last):
        """vᵀ ∂out/∂x."""
        if not out.requires_grad:
            return torch.zeros_like(x)
        (product,) = torch.autograd.grad(out, x, v.to(out.dtype), retain_graph=not last, allow_unused=True)
        return torch.zeros_like(x) if product is None else product


def _kind(dtype):
    """A floating-point type of torch by its name, numpy's or torch's; float32 where none is given."""
    if dtype is None:
        return torch.float32
    kind = dtype if isinstance(dtype, torch.dtype) else getattr(torch, str(dtype).removeprefix("torch."), None)
    if not isinstance(kind, torch.dtype) or not kind.is_floating_point:
        raise ShapeError(f"bad dtype: expected 'float32', 'float64' or another floating-point type of torch, got {dtype!r}")
    return kind
