"""What a launcher says of its jobs."""

from dataclasses import dataclass
from enum import Enum


class JobState(Enum):
    QUEUED = "queued"  # and so not running anything, though it may have been
    RUNNING = "running"
    ENDED = "ended"
    CANCELLED = "cancelled"  # by someone else than the sweep
    HELD = "held"  # by the launcher's system, which will not start it by itself


@dataclass(frozen=True)
class Job:
    """A job as last heard of; `word` is the launcher's own for the state."""

    state: JobState
    word: str = ""

    @property
    def alive(self) -> bool:
        return self.state in (JobState.QUEUED, JobState.RUNNING)
