"""A disk that refuses: every later call to the operating system fails once so many went well."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

__all__ = ["BrokenDisk"]

CALLS = ("open", "write", "fsync", "replace", "mkdir")


class BrokenDisk:
    """Refuses calls of `os` that change files, with an errno such as `errno.ENOSPC`, after `good` of them.

    Python's own file objects do not call these; `streamsel.sink.durable` does.
    """

    def __init__(self, good: int, number: int) -> None:
        self.calls = 0
        self._good = good
        self._number = number

    @contextmanager
    def installed(self) -> Iterator[BrokenDisk]:
        """The calls of this process go through this disk; `calls` counts them."""
        with ExitStack() as patches:
            for name in CALLS:
                patches.enter_context(mock.patch.object(os, name, self._limited(getattr(os, name))))
            yield self

    def _limited(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def limited(*arguments: Any, **options: Any) -> Any:
            self.calls += 1
            if self.calls > self._good:
                raise OSError(self._number, os.strerror(self._number))
            return call(*arguments, **options)

        return limited
