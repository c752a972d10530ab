"""streamsel on a disk that takes so many seconds for each picture.

`python -m tests.edge.slowed SECONDS EDGE.yaml`
"""

from __future__ import annotations

import sys
import time

from streamsel.cli import main
from streamsel.edge.keeping.due import Due
from streamsel.edge.keeping.pictures import Pictures


def slow_down(seconds: float) -> None:
    """Prepares this process."""
    put = Pictures.put

    def slowly(pictures: Pictures, due: Due) -> None:
        time.sleep(seconds)
        put(pictures, due)

    Pictures.put = slowly  # type: ignore[method-assign]


if __name__ == "__main__":
    slow_down(float(sys.argv[1]))
    sys.argv = ["streamsel", "run", sys.argv[2], "--log", "json"]
    main()
