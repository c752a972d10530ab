"""streamsel, killed by -9 from within: at exactly the commit, or behind exactly the picture, that its arguments name.

`python -m tests.edge.killed commit|committed|picture NUMBER EDGE.yaml`: before the commit of that number (of those that
tell of pictures that are being written, or were), behind it, or behind the picture of that number.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from itertools import count
from typing import Any

from streamsel.cli import main
from streamsel.edge.keeping.due import WRITING
from streamsel.edge.keeping.pictures import Pictures
from streamsel.store.entries import Committed, EntryStore


def kill_at(moment: str, number: int) -> None:
    """Prepares this process."""
    numbers = count(1)

    def die() -> None:
        if next(numbers) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    commit, write = EntryStore.commit, Pictures.write

    def committed(store: EntryStore, changes: Committed) -> None:
        if moment == "commit" and WRITING in changes.notes:
            die()
        commit(store, changes)
        if moment == "committed" and WRITING in changes.notes:
            die()

    def written(pictures: Pictures, *told: Any) -> Any:
        found = write(pictures, *told)
        if moment == "picture":
            die()
        return found

    patched: dict[str, Callable[..., Any]] = {"commit": committed, "write": written}
    EntryStore.commit = patched["commit"]  # type: ignore[method-assign]
    Pictures.write = patched["write"]  # type: ignore[method-assign]


if __name__ == "__main__":
    kill_at(sys.argv[1], int(sys.argv[2]))
    sys.argv = ["streamsel", "run", sys.argv[3], "--log", "json"]
    main()
