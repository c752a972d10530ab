from __future__ import annotations

import io
import json
import math
import subprocess
import sys

from rich.console import Console

from streamsel.report.table import Column, Statistics

KEPT = Column("streamsel", 99, 1.3711, 0.2353, 1.9470, 0.8690, 1.7822, radius=0.5, coverage=0.25)
ONE = Column("random", 1, *[math.nan] * 5, radius=1.5, coverage=0.75)
ORIGINAL = Column("original", 123456, 1.2620, 0.0, 1.9835, 0.5851, 1.8490, sampled=True)
STATISTICS = Statistics((ORIGINAL, ONE, KEPT))


def test_the_table_has_the_rows_that_its_readers_know() -> None:
    assert STATISTICS.rows() == [
        ["Metric", "original", "random", "streamsel"],
        ["Number of Samples", "123,456", "1", "99"],
        ["L2 Distance (Mean)", "~1.2620", "-", "1.3711"],
        ["L2 Distance (Min)", "~0.0000", "-", "0.2353"],
        ["L2 Distance (Max)", "~1.9835", "-", "1.9470"],
        ["L2 Distance (10th Percentile)", "~0.5851", "-", "0.8690"],
        ["L2 Distance (90th Percentile)", "~1.8490", "-", "1.7822"],
        ["Covering Radius", "-", "1.5000", "0.5000"],
        ["Mean Distance to Nearest Kept", "-", "0.7500", "0.2500"],
    ]


def test_json_has_every_figure_and_no_nan() -> None:
    told = json.loads(json.dumps(STATISTICS.to_json(), allow_nan=False))
    assert list(told) == ["original", "random", "streamsel"]
    assert told["random"]["mean"] is None
    assert told["streamsel"]["p10"] == 0.8690
    assert told["original"]["sampled"] is True


def test_the_table_is_drawn_whole_on_a_narrow_terminal() -> None:
    page = io.StringIO()
    Console(file=page, width=80).print(STATISTICS.table())
    for row in STATISTICS.rows():
        assert all(cell in page.getvalue() for cell in row)


def test_figures_need_no_rich() -> None:
    code = "import sys, streamsel.report.table, streamsel.report.progress; assert 'rich' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
