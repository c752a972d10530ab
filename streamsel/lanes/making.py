"""From a selection config to lanes: one for each partition, alike but for what each has seen."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

from streamsel.config import IngestConfig, SelectConfig, SelectionConfig
from streamsel.config.constraints import Quota
from streamsel.config.inputs import MEASURED, Metadata
from streamsel.data import Mark
from streamsel.embed import Embedder
from streamsel.errors import UsageError
from streamsel.lanes.at_once import AtOnce
from streamsel.lanes.by_window import ByWindow, WindowGoal, left_open
from streamsel.lanes.deciding import Decider
from streamsel.lanes.earlier import Earlier
from streamsel.lanes.file_digest import digest_of_files
from streamsel.lanes.forgetting import Forgetting
from streamsel.lanes.lane import Lane
from streamsel.lanes.objects import Objects
from streamsel.lanes.sequences import Sequences
from streamsel.rules.frame_rules import FrameRules
from streamsel.rules.goals import budget_rules
from streamsel.rules.inspection import Inspection
from streamsel.rules.live import decided_by_distances, stream_selector
from streamsel.rules.queries import queries_of, query_vectors
from streamsel.run.selecting import distance_of_run
from streamsel.signals.lightly_folder import LightlyFolder
from streamsel.signals.looked import Look
from streamsel.sink.names import frame_name

__all__ = ["Lanes", "called"]

GOALS: Final = ("target_ratio", "min_distance", "proportion")
"""Keys of a config whose numbers say how much is kept; of windows it is `n`."""

WINDOWS: Final[dict[str, Any]] = {**dict.fromkeys(GOALS, False), "n": "of a window"}
AT_ONCE: Final = [{**WINDOWS, "n": None, **given} for given in ({}, {"target_ratio": True}, {"min_distance": True})]
"""What identities tell of goals whose numbers may change."""

LONGEST: Final = 1000
"""Frames of a sequence, at most: documents of state tell of all of them."""

LISTED: Final = 1000
"""Names of damaged or repeated frames that a lane remembers to tell of."""


class Lanes:
    """Makes lanes. selection: what to pick; its proportion_samples is a target ratio here.

    target_ratio, min_distance, window: the goal, at most one; none: the model's own novelty distance. With a window of
    time the best of it are chosen when it ends, and what the selection says of numbers counts for nothing. gap: seconds
    between two frames of a stream after which a sequence begins anew; None: no gap does. lightly: a folder with
    predictions and metadata by the names of frames. query_sets: name -> path. named: what else must be equal for state
    to be gone on with, as plain JSON. movable: whether state is gone on with though the goal's number is another one.
    called: partition -> what errors call its lane. anew: see Lane. forgetting: makes that of a lane.
    Raises UsageError for what a stream without an end cannot promise, UsageError and SourceError for what the
    selection reads and is not there.
    """

    def __init__(
        self,
        selection: SelectionConfig | None,
        embedder: Embedder,
        *,
        target_ratio: float | None = None,
        min_distance: float | None = None,
        window: WindowGoal | None = None,
        gap: float | None = None,
        lightly: Path | None = None,
        query_sets: Mapping[str, Path] | None = None,
        named: Mapping[str, Any] | None = None,
        movable: bool = False,
        called: Callable[[int], str] = "partition {}".format,
        anew: str = "name another state topic and group",
        forgetting: Callable[[], Forgetting | None] = lambda: None,
    ) -> None:
        self._called, self._anew, self._forgetting = called, anew, forgetting
        _refuse_both(selection)
        self._config = (
            _window_config(selection, window) if window else _stream_config(selection, target_ratio, min_distance)
        )
        self._length, self._gap = self._config.sequence_length, math.inf if gap is None else gap
        self._window = window and replace(window, picks=window.picks // self._length)
        self._embedder = embedder
        self._folder = None if lightly is None else LightlyFolder.named(lightly)
        sets = {name: str(path) for name, path in (query_sets or {}).items()}
        self._queries = query_vectors(self._config.rules, sets, lambda: embedder)
        self._distance = None if window else distance_of_run(self._config, embedder)
        queries = {name: digest_of_files(Path(sets[name])) for name in queries_of(self._config.rules)}
        told = self._config.identity()
        goals: dict[str, Any] = {key: told[key] is not None for key in GOALS if movable}
        goals |= {"n": WINDOWS["n"]} if window else {}
        told = {**told, **goals, "queries": queries, **(named or {})}
        self._identity = _identity(told, embedder)
        self._kin = [_identity({**told, **goal}, embedder) for goal in self._kindred() if movable]
        self.lane(0)

    @classmethod
    def of(cls, config: IngestConfig, embedder: Embedder) -> Self:
        """As a pipeline wants them."""
        return cls(
            config.selection,
            embedder,
            target_ratio=config.target_ratio,
            min_distance=config.min_distance,
            window=None if (window := config.goal) is None else WindowGoal.of(window),
            gap=config.input.gap,
            lightly=config.lightly,
            query_sets=config.query_sets,
            named=config.identity(),
            forgetting=partial(Forgetting.of, config.memory),
        )

    def _kindred(self) -> list[dict[str, Any]]:
        """What identities tell of the goals whose state can be gone on with. Of what was picked as it came nothing is
        known but vectors: that is enough where only they decide."""
        return [WINDOWS, *(AT_ONCE if self._window is None or decided_by_distances(self._config.rules) else ())]

    @property
    def target_ratio(self) -> float | None:
        """The share that is kept, where that decides."""
        return self._config.target_ratio

    @property
    def distance(self) -> float | None:
        """How far from all earlier picks a pick must be, where that decides."""
        return self._distance

    @property
    def tasks(self) -> Collection[str]:
        """The tasks of which predictions are read."""
        return self._folder.tasks_read if self._folder else ()

    @property
    def reads_vectors(self) -> bool:
        """Whether frames have to be embedded; candidates of windows always are. Where objects are selected, the lane
        embeds these, and frames are not."""
        return self._config.objects is None and (self._config.rules.reads_vectors or self._window is not None)

    @property
    def reads_pixels(self) -> bool:
        """Whether whole pictures are looked at, beside what is made of them for the model."""
        cut = self._config.rules.reads_objects or self._config.objects is not None
        return bool(self._measured) or cut or self._config.remove_exact_duplicates

    @property
    def look(self) -> Look:
        """Takes of a frame, before its pixels go, all that a lane asks of them where no objects are cut out."""
        return Look(self._measured, digests=self._config.remove_exact_duplicates)

    @property
    def _measured(self) -> list[str]:
        """Keys of what is measured on whole pictures."""
        rules = self._config.rules
        inputs: list[Any] = [entry.input for entry in rules.strategies]
        inputs += [one.per for one in rules.constraints if isinstance(one, Quota)]
        return [one.key for one in inputs if isinstance(one, Metadata) and one.key in MEASURED]

    def lane(self, partition: int, entries: Mapping[bytes, bytes] | None = None) -> Lane:
        """The lane of a partition, as its changelog left it. Raises StateError; see `Lane.restored`.

        Where there are no windows any more, and one is open in the state: a lane that parts with it, see `Lane`.
        """
        window = left_open(entries or {}) if self._kin and not self._window else None
        return Lane.restored(partial(self._fresh, partition, window), entries or {})

    def _fresh(self, partition: int, parting: WindowGoal | None) -> Lane:
        config, window = self._config, parting or self._window
        rules = FrameRules(
            config.rules,
            self._folder,
            self._embedder,
            called,
            task=config.objects,
            padding=config.padding if config.objects else 0.0,
            embeds=window is not None,
            carried=True,
        )
        rules.entrance.inspection = _inspection(rules, remove_duplicates=config.remove_exact_duplicates)
        decider = self._by_window(rules, window) if window else self._at_once(rules)
        return Lane(
            partition,
            rules,
            decider,
            sequences=Sequences(self._length, self._gap) if self._length > 1 else None,
            objects=self._objects(rules, decider),
            identity=self._kin[0] if parting else self._identity,
            kin=self._kin,
            parting=parting is not None,
            called=self._called(partition),
            anew=self._anew,
        )

    def _objects(self, rules: FrameRules, decider: Decider) -> Objects | None:
        if rules.object_rows is None:
            return None
        return Objects(self._config.rules, rules, rules.object_rows, self._embedder.dim, decider.check)

    def _at_once(self, rules: FrameRules) -> AtOnce:
        config, dim, classes = self._config, self._embedder.dim, rules.entrance.classes
        goal = {"target_ratio": config.target_ratio, "min_distance": self._distance}
        selector = stream_selector(config.rules, dim, self._queries, classes, **goal)
        return AtOnce(rules, selector, dim, self._forgetting())

    def _by_window(self, rules: FrameRules, goal: WindowGoal) -> ByWindow:
        made, dim = partial(budget_rules, self._config.rules, self._queries), self._embedder.dim
        return ByWindow(rules, made, goal, Earlier(dim, self._forgetting(), rules.objects.tasks), dim)


def called(mark: Mark) -> str:
    """What a frame is called where users' files tell of it: as its record says, or `seg/a-12-mp4.png` in a segment."""
    return mark.name or frame_name(mark, 1, "png")


def _refuse_both(selection: SelectionConfig | None) -> None:
    if selection and selection.worker.object_level.task_name and selection.worker.selected_sequence_length > 1:
        raise UsageError(
            "the selection asks for objects (object_level) and for sequences (selected_sequence_length); objects are of"
            " single pictures: leave one of them out"
        )


def _stream_config(
    selection: SelectionConfig | None, target_ratio: float | None, min_distance: float | None
) -> SelectConfig:
    if selection is not None and selection.n_samples is not None:
        raise UsageError(
            f"n_samples {selection.n_samples}: a topic has no end to choose at; give a window of time beside it, or"
            " proportion_samples, target_ratio or min_distance"
        )
    config = SelectConfig.of(sources="topic", selection=selection, target_ratio=target_ratio, min_distance=min_distance)
    _refuse_parts(config)
    return config.model_copy(update={"proportion": None, "target_ratio": config.proportion or config.target_ratio})


def _window_config(selection: SelectionConfig | None, window: WindowGoal) -> SelectConfig:
    bare = selection and selection.model_copy(update={"n_samples": None, "proportion_samples": None})
    config = SelectConfig.of(sources="topic", selection=bare)
    _refuse_parts(config)
    if window.picks % config.sequence_length:
        raise UsageError(_no_multiple(window.picks, config.sequence_length))
    return config.model_copy(update={"n": window.picks})


def _refuse_parts(config: SelectConfig) -> None:
    """Raises UsageError for sequences that are too long, or of what is not kept of their frames."""
    length = config.sequence_length
    if length > LONGEST:
        raise UsageError(f"selected_sequence_length {length}: at most {LONGEST} frames here")
    if length > 1 and config.rules.reads_objects:
        raise UsageError(
            "the selection reads embeddings of objects, which frames that wait for others of their sequence do not"
            " keep: leave that out, or selected_sequence_length"
        )


def _no_multiple(picks: int, length: int) -> str:
    near = " or ".join(str(one) for one in (picks // length * length, -(-picks // length) * length) if one)
    return f"a window's {picks} picks are frames, and no multiple of selected_sequence_length {length}; use {near}"


def _inspection(rules: FrameRules, *, remove_duplicates: bool) -> Inspection:
    """One that calls frames by their number in the lane: names of records would fill memory and state for good."""
    made = Inspection(lambda mark: f"{rules.entrance.seen}.jpg", remove_duplicates=remove_duplicates)
    for listing in made.listings.values():
        listing.most = LISTED
    return made


def _identity(told: Mapping[str, Any], embedder: Embedder) -> str:
    """A digest of all that decides, and the model's name, which a refusal tells."""
    text = json.dumps({**told, "model": embedder.name, "dim": embedder.dim}, sort_keys=True, default=str)
    return f"{hashlib.blake2b(text.encode(), digest_size=16).hexdigest()} {embedder.name}"
