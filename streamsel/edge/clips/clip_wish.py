"""What a clip is to show: from some seconds before a pick to some behind it, and of further picks meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self

from streamsel.config.edge import EdgeClips

__all__ = ["Ended", "Shown", "Wish"]


@dataclass(frozen=True, slots=True)
class Shown:
    """What a file shows. begin, end: seconds of the stream. early, short: why it begins earlier, or lacks something."""

    begin: float
    end: float
    codec: str
    frames: int
    early: str = ""
    short: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of a clip. reason: why it is not there; empty: it is. taken: nanoseconds, see `Stored`. nbytes: of
    it and its JSON, fresh: whether nothing had its name before."""

    source: str
    file: str
    reason: str = ""
    short: bool = False
    taken: int = 0
    nbytes: int = 0
    fresh: bool = True


@dataclass(slots=True)
class Wish:
    """file: relative to the output folder. of: what its picks have in common: `started` or `segment`, and which.

    taken, at: of its first pick: UTC, and seconds of the stream. last: UTC of its latest pick. begin, end: seconds of
    the stream; end grows up to latest. picks: ids, and whether they are committed.
    """

    file: str
    source: str
    of: tuple[str, str]
    taken: datetime
    last: datetime
    at: float
    begin: float
    end: float
    latest: float
    picks: dict[str, bool] = field(default_factory=dict)

    @classmethod
    def made(cls, file: str, source: str, of: tuple[str, str], taken: datetime, at: float, rule: EdgeClips) -> Self:
        """As the first pick wants it."""
        begin = at - rule.before
        latest = begin + rule.longest
        return cls(file, source, of, taken, taken, at, begin, min(at + rule.after, latest), latest)

    def takes(self, at: float) -> bool:
        """Whether a pick of that time falls into it."""
        return self.begin <= at <= self.end

    def add(self, id_: str, taken: datetime, at: float, after: float) -> None:
        """Another pick, which it is to show, and what follows."""
        self.picks.setdefault(id_, False)
        self.last = max(self.last, taken)
        self.end = max(self.end, min(at + after, self.latest))

    @property
    def committed(self) -> bool:
        """Whether anything that is committed names it."""
        return any(self.picks.values())

    def utc(self, at: float) -> datetime:
        """When that was, by the clock on the wall at its first pick."""
        return self.taken + timedelta(seconds=at - self.at)

    def facts(self, shown: Shown) -> dict[str, Any]:
        """As they lie beside the file."""
        kind, which = self.of
        return {
            "file": self.file,
            "source": self.source,
            kind: which,
            "picks": [id_ for id_, committed in self.picks.items() if committed],
            "begin": self.utc(shown.begin).isoformat(),
            "end": self.utc(shown.end).isoformat(),
            "time": [shown.begin, shown.end],
            "starts_early_by": round(max(0.0, self.begin - shown.begin), 6),
            "starts_early": shown.early or None,
            "cut_short": "; ".join(shown.short) or None,
            "codec": shown.codec,
            "frames": shown.frames,
        }

    def noted(self) -> dict[str, Any]:
        """As JSON."""
        times = {"taken": self.taken.isoformat(), "last": self.last.isoformat()}
        return {**asdict(self), "of": list(self.of), **times}

    @classmethod
    def read(cls, noted: Mapping[str, Any]) -> Self:
        """What `noted` gave, or an earlier version, without `last`. Its picks were committed with it."""
        kind, which = noted["of"]
        noted = {"last": noted["taken"], **noted}
        times = {name: datetime.fromisoformat(noted[name]) for name in ("taken", "last")}
        return cls(**{**noted, "of": (kind, which), **times, "picks": dict.fromkeys(noted["picks"], True)})
