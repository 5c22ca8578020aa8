"""The command line, out of the same library."""

import importlib.util
import os
import signal
import sys
from pathlib import Path

from . import _langevin


def _name_onnxruntime():
    """Tells the command where this Python's ONNX Runtime is; the package itself is not imported."""
    package = importlib.util.find_spec("onnxruntime")
    if package is None or "ORT_DYLIB_PATH" in os.environ:
        return
    for folder in package.submodule_search_locations or ():
        for file in sorted(Path(folder, "capi").glob("*onnxruntime*")):
            if file.name.split(".")[0] in ("libonnxruntime", "onnxruntime") and file.suffix not in (".py", ".pyi"):
                os.environ["ORT_DYLIB_PATH"] = str(file)
                return


def main():
    _name_onnxruntime()
    # Ctrl-C is the command's own business.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(_langevin.cli(["langevin", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
