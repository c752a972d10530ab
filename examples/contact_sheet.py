"""Draws the picks of a finished run on one sheet, in the order of the videos, each with its source and time.

python examples/contact_sheet.py OUT SHEET.jpg [COLUMNS]
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont, ImageOps

import streamsel

TILE, CAPTION, GAP = (240, 136), 22, 6


def main(out: str, sheet: str, columns: str = "4") -> None:
    picks = sorted(streamsel.Selection.load(out).picks, key=lambda pick: (pick["source"], pick["index"]))
    across = min(int(columns), len(picks))
    down = -(-len(picks) // across)
    step = TILE[0] + GAP, TILE[1] + CAPTION + GAP
    page = Image.new("RGB", (across * step[0] + GAP, down * step[1] + GAP), "white")
    for place, pick in enumerate(picks):
        row, column = divmod(place, across)
        page.paste(tile(Path(out), pick), (GAP + column * step[0], GAP + row * step[1]))
    page.save(sheet, quality=80)
    print(f"{len(picks)} picks on {sheet}")


def tile(out: Path, pick: Mapping[str, Any]) -> Image.Image:
    """One picture with its caption below."""
    whole = Image.new("RGB", (TILE[0], TILE[1] + CAPTION), "white")
    with Image.open(out / pick["file"]) as picture:
        whole.paste(ImageOps.pad(picture.convert("RGB"), TILE, color="black"))
    minutes, seconds = divmod(pick["time"], 60)
    caption = f"{pick['source']}  {minutes:.0f}:{seconds:05.2f}"
    ImageDraw.Draw(whole).text((0, TILE[1] + 4), caption, "black", ImageFont.load_default(13))
    return whole


if __name__ == "__main__":
    if not 3 <= len(sys.argv) <= 4 or "--help" in sys.argv:
        sys.exit(__doc__)
    main(*sys.argv[1:])
