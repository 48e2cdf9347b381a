"""``python -m complexity_theory`` and the command ``complexity-theory``: the front door, from its first moment on."""

import os
import sys


def main() -> None:
    """Runs the command. Ctrl-C ends it quietly from here on, and a stream that is closed is one that nobody reads."""
    for number in range(3):  # else the next file to be opened, a store perhaps, would be taken for the stream
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # workers have no others
    sys.stdout = sys.stdout or open(1, "w", closefd=False)  # noqa: SIM115  # open as long as it runs
    sys.stderr = sys.stderr or open(2, "w", closefd=False)  # noqa: SIM115  # the same
    try:
        from complexity_theory.cli import main as command

        command()
    except KeyboardInterrupt:  # in the midst of imports
        print("interrupted", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    if not sys.flags.safe_path:  # Python has put the current folder first, where any file could pass for a library
        sys.path.append(sys.path.pop(0))
    main()
