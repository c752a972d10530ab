"""`streamsel` that kills itself at the worst of moments: `python -m streamsel.testing.dying_sender MOMENT ARGUMENT...`.

MOMENT: `before` or `after` it is committed that records have arrived, which deletes them from the outbox.
"""

from __future__ import annotations

import os
import signal
import sys

from streamsel.cli import main
from streamsel.store import Changes
from streamsel.store.embedded import SqliteStore

__all__: list[str] = []


def _dies(moment: str) -> None:
    commit = SqliteStore.commit

    def dying(self: SqliteStore, changes: Changes) -> None:
        if changes.acknowledged and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        commit(self, changes)
        if changes.acknowledged:
            os.kill(os.getpid(), signal.SIGKILL)

    SqliteStore.commit = dying  # type: ignore[method-assign]


if __name__ == "__main__":
    _dies(sys.argv.pop(1))
    main()
