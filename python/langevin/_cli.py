"""The command line, out of the same library."""

import importlib.util
import os
import signal
import sys

from . import _langevin


def _name_onnxruntime() -> None:
    """Tells the command where this Python's ONNX Runtime is; the package itself is not imported."""
    package = importlib.util.find_spec("onnxruntime")
    if package is not None and package.submodule_search_locations:
        os.environ.setdefault("ORT_DYLIB_PATH", os.path.join(package.submodule_search_locations[0], "capi"))


def main() -> None:
    _name_onnxruntime()
    # Ctrl-C is the command's own business.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(_langevin.cli(["langevin", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
