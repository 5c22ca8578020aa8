"""Tensors on any device: what the library's executor asks of torch."""

import torch

from ._errors import ArgumentError, ShapeError


class Tensors:
    """Adds and multiplies tensors of one shape, dtype and device."""

    def __init__(self, shape, dtype, device):
        self.shape, self.dtype, self.device = tuple(shape), dtype, device

    def _coefficient(self, value):
        if isinstance(value, float):
            return value
        column = torch.as_tensor(value, dtype=self.dtype, device=self.device)
        return column.reshape(-1, *[1] * (len(self.shape) - 1))

    def combine(self, terms, normals):
        """Σ coefficient · tensor + Σ coefficient · normals, in this order."""
        total = None
        for coefficient, tensor in terms:
            total = self._add(total, self._coefficient(coefficient), tensor)
        for coefficient, normal in normals:
            tensor = torch.from_numpy(normal).to(self.device, self.dtype).reshape(self.shape)
            total = self._add(total, self._coefficient(coefficient), tensor)
        return torch.zeros(self.shape, dtype=self.dtype, device=self.device) if total is None else total

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
        return (rows.clamp(-s, s) / s).reshape(self.shape)

    def multiply(self, args, *_):
        return args[0] * args[1]

    def learned_std(self, args, small, large):
        return torch.exp(0.5 * (1 + args[0]) * large + 0.5 * (1 - args[0]) * small)


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
