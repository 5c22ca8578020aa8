"""Command line, run from the compiled half of the package."""

import importlib.util
import os
import signal
import sys

from . import _langevin


def _name_onnxruntime() -> None:
    """Set ``ORT_DYLIB_PATH`` to an installed ``onnxruntime``, without importing that package."""
    package = importlib.util.find_spec("onnxruntime")
    if package is not None and package.submodule_search_locations:
        os.environ.setdefault("ORT_DYLIB_PATH", os.path.join(package.submodule_search_locations[0], "capi"))


def main() -> None:
    """Run the command line on ``sys.argv`` and exit with its status."""
    _name_onnxruntime()
    # The command handles Ctrl-C itself.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(_langevin.cli(["langevin", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
