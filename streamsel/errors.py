"""The errors a user can cause or must hear of, each one line: what, where, what to do.

StreamselError
├── UsageError        wrong option, config or Python argument          exit code 2
├── SourceError       something that cannot be read                    exit code 1, or 3 if others went well
│   ├── AwayError     a camera or stream that does not answer now      exit code 1, or 3 if others went well
│   └── DiskError     what it lies on cannot be read                   exit code 1, or 3 if others went well
├── ModelError        a model file or package that cannot be used      exit code 2
├── StateError        an output folder or state that does not fit      exit code 2
│   └── InUseError    state that another process is working on         exit code 2
└── SinkError         a picture or record that cannot be written       exit code 1
"""

from __future__ import annotations

__all__ = [
    "AwayError",
    "DiskError",
    "InUseError",
    "ModelError",
    "SinkError",
    "SourceError",
    "StateError",
    "StreamselError",
    "UsageError",
]


class StreamselError(Exception):
    """Base of all errors raised on purpose; its text is one or two lines made for the user."""

    exit_code = 1


class UsageError(StreamselError, ValueError):
    """An option, a config value or an argument that cannot mean anything."""

    exit_code = 2


class SourceError(StreamselError):
    """A source that cannot be opened or read; the rest of the run goes on."""


class AwayError(SourceError):
    """A camera or a stream that does not answer now: nobody has to mend anything, and it may later.

    reason: the text without what to do, for whoever tries again by himself; all of it unless given.
    """

    def __init__(self, text: str, reason: str = "") -> None:
        super().__init__(text)
        self.reason = reason or text


class DiskError(SourceError):
    """A disk or a share that fails while something on it is read: no fault of that, which may be sound."""


class ModelError(StreamselError):
    """A model that cannot be loaded: names the file, what was expected and what was found."""

    exit_code = 2


class StateError(StreamselError):
    """Saved state that belongs to something else, is damaged, or is in use."""

    exit_code = 2


class InUseError(StateError):
    """State that another process is working on."""


class SinkError(StreamselError):
    """Something selected that cannot be written (disk full, no permission); state is kept."""
