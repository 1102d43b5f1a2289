"""What garage raises: a class for each code, all of them a garage.Error."""

import enum
from collections.abc import Iterable


class Errc(enum.IntEnum):
    """The codes of errors, which are also the exit codes of the command line."""

    IO = 1
    CORRUPT = 2
    UNSUPPORTED = 3
    INVALID_ARGUMENT = 4
    INCOMPATIBLE = 5
    NOT_FOUND = 6
    AMBIGUOUS = 7
    INTERNAL = 10


class Error(Exception):
    """Names subject, fault and value in one sentence. details are further lines, which a traceback shows as notes."""

    code = Errc.INTERNAL

    def __init__(self, message: str, details: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.details = tuple(details)
        for line in self.details:
            self.add_note(line)


class IoError(Error):
    """The system refused: open, read, write, permission."""

    code = Errc.IO


class CorruptError(Error):
    """Bytes break the format's rules, a config and its tensors disagree, or a checkpoint changed."""

    code = Errc.CORRUPT


class UnsupportedError(Error):
    """Well formed, and nobody here handles it."""

    code = Errc.UNSUPPORTED


class InvalidArgumentError(Error):
    """A config, an option or an argument is wrong."""

    code = Errc.INVALID_ARGUMENT


class IncompatibleError(Error):
    """A plugin or a library was built for something else."""

    code = Errc.INCOMPATIBLE


class NotFoundError(Error):
    """There is no such model, part, file or plugin."""

    code = Errc.NOT_FOUND


class AmbiguousError(Error):
    """There are several answers, and nothing decides between them."""

    code = Errc.AMBIGUOUS


class InternalError(Error):
    """A fault of garage or of a plugin."""

    code = Errc.INTERNAL


class Note(UserWarning):
    """What garage tells people and is no error: a plugin that was set aside, a file that was passed over."""


def make(code: int, message: str, details: Iterable[str] = ()) -> Error:
    """The error of a code; an InternalError for a code that is none of these."""
    kinds: dict[int, type[Error]] = {kind.code: kind for kind in Error.__subclasses__() if kind.__module__ == __name__}
    return kinds.get(code, InternalError)(message, details)
