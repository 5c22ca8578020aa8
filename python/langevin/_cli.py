"""The command line, out of the same library."""

import signal
import sys

from . import _langevin


def main():
    # Ctrl-C is the command's own business.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(_langevin.cli(["langevin", *sys.argv[1:]]))


if __name__ == "__main__":
    main()
