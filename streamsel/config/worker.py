"""What of the product's worker options means something here, and which of its other options are known by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field

from streamsel.config.nearest import quoted, shown, unknown
from streamsel.config.value import Number, Value, Whole
from streamsel.errors import UsageError

__all__ = ["DIMENSION", "RUN", "ObjectLevel", "WorkerOptions", "worker_values"]


def _keys(words: str) -> frozenset[str]:
    return frozenset(words.split())


OURS = _keys(
    """
    selected_sequence_length relevant_filenames_file embeddings normalize_embeddings use_datapool
    remove_exact_duplicates object_level.task_name object_level.padding object_level.crop_dataset_name
    """
)
DIMENSION = "model.num_ftrs"
WORKER = _keys(
    """
    datasource.process_all datasource.enable_datapool_update datasource.bypass_verify
    datasource.input_expiration.min_days_to_expiration datasource.input_expiration.handling_strategy
    corruptness_check.corruption_threshold pretagging pretagging_upload enable_training training.task_name checkpoint
    checkpoint_run_id crops.enable_upload crops.enable_upload_for_tasks output_image_format
    num_processes num_threads cache_size upload_report shutdown_when_job_finished
    """
)
LIGHTLY = _keys(
    """
    seed loader.batch_size loader.shuffle loader.num_workers loader.drop_last model.name model.out_dim model.num_ftrs
    model.width trainer.gpus trainer.max_epochs trainer.precision criterion.temperature optimizer.lr
    optimizer.weight_decay collate.input_size collate.cj_prob collate.cj_bright collate.cj_contrast collate.cj_sat
    collate.cj_hue collate.min_scale collate.random_gray_scale collate.gaussian_blur collate.kernel_size collate.sigmas
    collate.vf_prob collate.hf_prob collate.rr_prob collate.rr_degrees checkpoint_callback.save_last
    """
)
RUN = frozenset({"priority", "runs_on"})
"""What a run may be given: OURS and WORKER in worker_config, LIGHTLY in lightly_config, RUN beside them.

Dotted keys; only OURS mean something here, and DIMENSION of LIGHTLY.
"""


class ObjectLevel(Value):
    """The older workflow, where objects of a task are what is selected.

    task_name: empty means off. padding: 0 or more, of a box's size. crop_dataset_name: what the crops are called.
    """

    task_name: str = ""
    padding: Annotated[Number, Field(ge=0)] = 0.0
    crop_dataset_name: str = ""


class WorkerOptions(Value):
    """selected_sequence_length: frames, 1 or more. relevant_filenames_file, embeddings: paths, empty for none.

    normalize_embeddings: whether own embeddings are made as long as one. num_ftrs: how many numbers each of them has,
    None where that is not said.
    ignored: options that were given and change nothing here, such as `worker_config.pretagging`, sorted, so that the
    user can be told.
    """

    selected_sequence_length: Annotated[Whole, Field(ge=1)] = 1
    relevant_filenames_file: str = ""
    embeddings: str = ""
    normalize_embeddings: Annotated[bool, Field(strict=True)] = True
    num_ftrs: Annotated[Whole, Field(ge=1)] | None = None
    use_datapool: Annotated[bool, Field(strict=True)] = False
    remove_exact_duplicates: Annotated[bool, Field(strict=True)] = False
    object_level: ObjectLevel = ObjectLevel()
    ignored: tuple[str, ...] = ()

    @property
    def refusal(self) -> str:
        """Why a daemon cannot select with these options; empty where it can."""
        if not self.embeddings:
            return ""
        return (
            f"worker_config.embeddings {shown(self.embeddings)}: no table has vectors of frames that are yet to come;"
            " use it with `streamsel select` or `streamsel choose`, or leave the option out"
        )

    def check_dimension(self, found: int, called: str) -> None:
        """Raises UsageError where own embeddings, so called, have not as many numbers as the config says."""
        if self.num_ftrs not in (None, found):
            raise UsageError(
                f"lightly_config.{DIMENSION} is {self.num_ftrs}, and the embeddings of {called} have {found} numbers:"
                " give the file that goes with this config, or mend or leave out the option"
            )


def worker_values(run: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of WorkerOptions out of the arguments of a run: worker_config, lightly_config, priority, runs_on.

    Options are nested, or dotted keys; null means the default. An unknown one is a UsageError that names its place.
    """
    values: dict[str, Any] = {}
    ignored = [key for key in RUN if key in run]
    ours = {f"worker_config.{key}": key for key in OURS} | {f"lightly_config.{DIMENSION}": "num_ftrs"}
    for config, known in (("worker_config", OURS | WORKER), ("lightly_config", LIGHTLY)):
        options = run.get(config)
        for key, value in _dotted({} if options is None else options, config):
            _check(key, value, known, f"{config}.{quoted(key)}")
            field = ours.get(f"{config}.{key}")
            if field is None:
                ignored.append(f"{config}.{key}")
            elif value is not None:
                _put(values, field.split("."), value)
    _check_count(values.get("num_ftrs"))
    return values | {"ignored": tuple(sorted(ignored))}


def _dotted(options: Any, place: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(options, Mapping):
        raise UsageError(f"{place}: must be a mapping, got {shown(options)}")
    for key, value in options.items():
        if isinstance(value, Mapping) and value:
            yield from ((f"{key}.{inner}", leaf) for inner, leaf in _dotted(value, f"{place}.{key}"))
        else:
            yield str(key), value


def _check(key: str, value: Any, known: frozenset[str], place: str) -> None:
    group = any(name.startswith(f"{key}.") for name in known)
    if group and value not in (None, {}):
        raise UsageError(f"{place}: must be a mapping, got {shown(value)}")
    if not group and key not in known:
        raise UsageError(f"{place}: {unknown('key', key, sorted(known))}")


def _check_count(value: Any) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise UsageError(f"lightly_config.{DIMENSION}: must be a whole number of 1 or more, got {shown(value)}")


def _put(values: dict[str, Any], path: list[str], value: Any) -> None:
    for part in path[:-1]:
        values = values.setdefault(part, {})
    values[path[-1]] = value
