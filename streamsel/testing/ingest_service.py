"""A member of a trial's group, in a process of its own."""

from __future__ import annotations

from streamsel.testing.ingest_trial import Trial
from streamsel.testing.service_process import Running

__all__ = ["Service"]


class Service(Running):
    """A member of a trial's group. instance: its name; None: it has none."""

    def __init__(self, trial: Trial, instance: str | None = "a") -> None:
        self.instance = instance
        super().__init__(trial.file(instance))

    def owns(self, partitions: int) -> bool:
        """Whether it reads so many."""
        return len(self.owned) == partitions
