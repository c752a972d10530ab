"""`streamsel.select` and `streamsel.open`: the whole program as two functions."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from streamsel.config import SelectConfig
from streamsel.config.idle import idle_in_pictures, idle_options
from streamsel.data import Frame, Source
from streamsel.embed import Window
from streamsel.errors import SourceError, StateError, UsageError
from streamsel.free_memory import give_back
from streamsel.pipeline import run
from streamsel.run.workspace import Workspace, is_workspace

if TYPE_CHECKING:
    from streamsel.embed import Embedder
    from streamsel.pool.datapool import Pool
    from streamsel.run.opener import Opener
    from streamsel.run.sending import Sending

__all__ = ["Plan", "Selection", "Told", "open", "plan", "select"]

Told = Callable[[str, int, int, int | None], None]
"""Told the stage (`watching`, `judging`, `writing`, `delivering`), frames that are done with in it, picks so far, and
frames that the stage has in all (None: unknown). What an earlier call watched counts as done."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do: its sources with their frames (None: no end, or why it cannot be read), and its choice."""

    sources: Sequence[tuple[Source, int | SourceError | None]]
    goal: str
    model: str
    notes: Sequence[str] = ()
    """What was asked for and changes nothing."""


@dataclass(frozen=True, slots=True)
class Selection:
    """A finished run: its folder, the records of its manifest and its summary (see docs/outputs.md)."""

    folder: Path
    picks: Sequence[Mapping[str, Any]] = field(repr=False)
    summary: Mapping[str, Any] = field(repr=False)
    complete_already: bool = False
    """Whether `select` found it as it is: there was nothing to do."""

    @classmethod
    def load(cls, folder: Path | str, *, complete_already: bool = False) -> Selection:
        """The finished run in a folder; raises UsageError when there is none."""
        folder = Path(folder)
        try:
            summary = json.loads((folder / "summary.json").read_text())
            with (folder / "manifest.jsonl").open() as lines:
                return cls(folder, [json.loads(line) for line in lines], summary, complete_already)
        except (OSError, ValueError) as error:
            raise UsageError(f"{folder}: {_unfinished(folder, error)}") from error

    def __len__(self) -> int:
        return len(self.picks)


def _unfinished(folder: Path, error: Exception) -> str:
    """Why no finished run can be read from a folder."""
    if not folder.is_dir():
        return "there is no such folder"
    if is_workspace(folder):
        return "holds a run that is not finished: give the command that began it again, and it goes on"
    return f"holds no finished run of streamsel ({error})"


def select(
    sources: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    fresh: bool = False,
    only_new: bool = False,
    progress: Told = lambda stage, frames, kept, total: None,
    stopping: Callable[[], bool] = lambda: False,
    **options: Any,
) -> Selection:
    """Select frames from sources into the folder `out`, going on where an earlier call was stopped.

    options: the fields of `streamsel.config.SelectConfig` (n, proportion, target_ratio, min_distance,
    sequence_length, every, fps, ..., kafka="HOST:PORT/TOPIC": send the picks there as well). fresh: forget what `out`
    holds. only_new: add what came to the sources since. progress: see `Told`. stopping: asked at block ends.
    Raises UsageError, SourceError (nothing could be read), ModelError, StateError, SinkError.
    """
    from streamsel.build import check, embedder_of, identity, resolve
    from streamsel.run.facts import size_of
    from streamsel.run.own import check_own
    from streamsel.run.pooling import new_sources

    config = SelectConfig.of(sources=sources, **options)
    config, found = resolve(config)
    total = _enough(config, found)
    embedder = embedder_of(config, found)
    begins = fresh or not is_workspace(Path(out))
    if begins:
        check(config, found, embedder, Path(out))
    with ExitStack() as stack:
        pool = stack.enter_context(_opened(config, embedder)) if config.pool is not None else None
        if pool is not None and fresh:
            found = new_sources(found, pool, ())  # told before anything is cleared
        space = Workspace(Path(out), fresh=fresh)
        stack.callback(space.close)
        if pool is not None:
            found = new_sources(found, pool, space.sources)
            total = _enough(config, found)
        clock = Stopwatch(progress, total)
        check_own(config, embedder, [] if begins and pool is None else found, space, only_new=only_new)
        space.agree(identity(config, found, embedder), only_new=only_new)
        space.refuse_changed({source.id: size_of(source) for source in found})
        sending = stack.enter_context(_sending(config, space, embedder)) if config.kafka else None
        runs = 0
        while space.goes_on(found, only_new=only_new):
            _run(config, space, found, embedder, pool, clock, stopping, sending)
            runs += 1
        if sending:
            sending.finish(clock, stopping)
    return Selection.load(out, complete_already=not runs)


def _sending(config: SelectConfig, space: Workspace, embedder: Embedder) -> AbstractContextManager[Sending]:
    """What sends the picks to the topic that the config names."""
    from streamsel.run.sending import sending

    return sending(config, space, embedder.name)


def _opened(config: SelectConfig, embedder: Embedder) -> Pool:
    """The pool that the config names. Raises StateError where it holds vectors of another model."""
    from streamsel.pool.datapool import Pool
    from streamsel.rules.pool_rows import check_model

    pool = Pool.open(config.pool or Path())
    try:
        check_model(pool, embedder.dim, embedder.name)
    except StateError:
        pool.close()
        raise
    return pool


def _run(
    config: SelectConfig,
    space: Workspace,
    sources: Sequence[Source],
    embedder: Embedder,
    pool: Pool | None,
    clock: Stopwatch,
    stopping: Callable[[], bool],
    sending: Sending | None,
) -> None:
    """One run to its end, from wherever it stands."""
    from threadpoolctl import threadpool_limits

    from streamsel.build import build

    clock.go_on(sum(space.store.restore(source.id).facts.get("frames", 0) for source in sources))
    with threadpool_limits(1, "blas"):  # its products are small, and the decoder needs the cores
        parts = build(config, space, sources, embedder, pool, clock.total or 0, clock, stopping, sending)
        run(parts)
    give_back()  # what frames and pictures left behind: tables, and the library that writes them, come on top
    from streamsel.run.outcome import conclude  # brings pyarrow, which the decoder's memory is better without

    conclude(parts, config, space, pool, clock.seconds(), clock.watched)


def plan(sources: str | Path | Sequence[str | Path], **options: Any) -> Plan:
    """What `select` would do with these arguments, without doing it. Raises as `select` does."""
    from streamsel.build import resolve

    config, found = resolve(SelectConfig.of(sources=sources, **options))
    lengths = [_length(source, config) for source in found]
    _total(config, found, lengths)
    notes = [*idle_options(config), *idle_in_pictures(config, [one.id for one in found if one.kind == "images"])]
    model = str(config.embeddings or config.rules.worker.embeddings) if config.own else config.model
    return Plan(list(zip(found, lengths, strict=True)), config.goal, model, notes)


def _length(source: Source, config: SelectConfig) -> int | SourceError | None:
    from streamsel.build import expected

    try:
        return expected(source, config)
    except SourceError as error:
        return error


@overload
def open(source: str | Path, *, sequence_length: int, **options: Any) -> Iterator[Window]: ...


@overload
def open(source: str | Path, **options: Any) -> Iterator[Frame]: ...


def open(source: str | Path, *, sequence_length: int = 1, **options: Any) -> Iterator[Frame] | Iterator[Window]:
    """The frames of one or more sources, decoded as `select` decodes them; sequences when sequence_length is above 1.

    options: every, fps, keyframes, start, end, duration, crop of `SelectConfig`. A frame's pixels are at
    `frame.picture.rgb()`, its place at `frame.mark`. Raises SourceError, UsageError.
    """
    from streamsel.build import resolve
    from streamsel.embed.window import windows
    from streamsel.run.opener import Opener

    config, found = resolve(SelectConfig.of(sources=source, sequence_length=sequence_length, **options))
    opener = Opener(config)
    frames = (_frames(opener, one) for one in found)
    if sequence_length == 1:
        return (frame for each in frames for frame in each)
    return (window for each in frames for window in windows(each, sequence_length, Counter()))


def _frames(opener: Opener, source: Source) -> Iterator[Frame]:
    """The frames of one source, which is closed behind the last."""
    with opener.open(source) as decoder:
        yield from decoder.read()


def _enough(config: SelectConfig, sources: Sequence[Source]) -> int | None:
    """About how many frames the sources hold, None where that is not known; UsageError when n is more than that."""
    return _total(config, sources, [_length(source, config) for source in sources])


def _total(config: SelectConfig, sources: Sequence[Source], lengths: Sequence[int | SourceError | None]) -> int | None:
    """The same of known lengths."""
    if None in lengths:
        return None
    known = [length for length in lengths if isinstance(length, int)]  # what cannot be read says so in its turn
    total = sum(known)
    if config.start and known and not total:
        first = sources[lengths.index(0)].id
        more = f", and {len(known) - 1} more sources are" if len(known) > 1 else ""
        raise UsageError(f"--start {config.start}: {first} is over by then{more}; begin earlier")
    if config.n is not None and 0 < total < config.n and not config.objects:
        raise UsageError(
            f"{config.asks} {config.n}: there are only about {total} frames to look at; ask for {total} or fewer"
        )
    return total


class Stopwatch:
    """Passes progress on with running totals, and notes how long each stage took."""

    def __init__(self, told: Told, total: int | None) -> None:
        self._told, self.total = told, total
        self._done: Counter[str] = Counter()
        self.watched = 0
        """Frames that were watched in this call."""
        self._begun = {"starting": time.monotonic()}

    def __call__(self, stage: str, more: int, kept: int, total: int | None = None) -> None:
        """See `streamsel.run.going.Progress`."""
        self._begun.setdefault(stage, time.monotonic())
        self._done[stage] += more
        self.watched += more if stage == "watching" else 0
        self._told(stage, self._done[stage], kept, self.total if total is None else total)

    def go_on(self, watched: int) -> None:
        """A run begins where so many frames were watched before."""
        self._done.clear()
        self._done["watching"] = watched

    def seconds(self) -> dict[str, float]:
        """Stage -> seconds until the next one began."""
        ends = [*list(self._begun.values())[1:], time.monotonic()]
        return {stage: end - begun for (stage, begun), end in zip(self._begun.items(), ends, strict=True)}
