"""What bad input raises. It stands alone, so that the front door starts without numpy."""


class Interrupted(Exception):  # noqa: N818 - it is no error
    """Ctrl-C, told in one line: what was kept, and how to go on."""


class InvalidInput(ValueError):  # noqa: N818 - what it is, not that it is an error
    r"""Bad input, told in one line: the offending value and what would be right.

    >>> str(InvalidInput("not [[1]\n [2]]"))
    'not [[1] [2]]'
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(" ".join(line.strip() for line in message.splitlines()))
