import math
import re
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import shorten
from typing import Any

from optuna import TrialPruned
from optuna.exceptions import StorageInternalError
from optuna.trial import TrialState

from hydra_sweep.errors import ConfigurationError
from hydra_sweep.study.current import current_trial
from hydra_sweep.study.live_trial import LiveTrial
from hydra_sweep.study.out_of_memory import causes, out_of_memory
from hydra_sweep.study.secrets import hidden, masked

# how the reasons begin of what is PRUNED so that the sampler avoids the region
OUT_OF_MEMORY, NOT_FINITE, NOT_BEGUN = "out of memory", "the metric is", "not begun"
# what is wrong with the machine, as the C library, sqlite and those that wrap their words say it
SICK = re.compile(
    "No space left on device|Disk quota exceeded|disk is full|Read-only file system|Input/output error"
    "|Stale file handle|out of shared memory|insufficient shared memory",
    re.I,
)


@dataclass(frozen=True)
class Outcome:
    """How a trial ended: what the worker tells the study. WAITING: it is to be run again."""

    state: TrialState
    values: Sequence[float] | None = None
    reason: str | None = None
    traceback: str | None = None
    # whether every other trial would end likewise
    mistake: bool = False
    # whether, PRUNED, it may yet go on from there
    paused: bool = False
    # by how much it breaks each constraint, as far as is known
    constraints: Mapping[str, float] = field(default_factory=dict)
    # seconds since the epoch
    at: float = field(default_factory=time.time, compare=False)

    @property
    def is_error(self) -> bool:
        ended_badly = self.state in (TrialState.FAIL, TrialState.WAITING)
        return ended_badly or self.is_out_of_memory

    @property
    def is_out_of_memory(self) -> bool:
        return (self.reason or "").startswith(OUT_OF_MEMORY)

    def attrs(self) -> dict[str, str]:
        """What is recorded beside state and values; of a mistake, what the trial is to become."""
        mistake = self.state.name if self.mistake else None
        named = {"reason": self.reason, "traceback": self.traceback, "mistake": mistake}
        return {key: value for key, value in named.items() if value}


def of_return(returned: Any, n_objectives: int) -> Outcome:
    """COMPLETE with finite numbers; PRUNED with others, so that the sampler avoids the region; FAIL
    with no numbers."""
    listed = list(returned) if n_objectives > 1 and isinstance(returned, Sequence) else [returned]
    try:
        values = [float(value) for value in listed]
    except (TypeError, ValueError):
        values = []
    if len(values) != n_objectives:
        expected = "a number" if n_objectives == 1 else f"{n_objectives} numbers"
        reason = f"the task returned {returned!r}, expected {expected}: what the sweep is to optimise"
        return Outcome(TrialState.FAIL, reason=reason)
    if not all(map(math.isfinite, values)):
        return Outcome(
            TrialState.PRUNED, reason=f"{NOT_FINITE} {values[0] if len(values) == 1 else values}"
        )
    return Outcome(TrialState.COMPLETE, values)


def of_error(error: BaseException) -> Outcome:
    """PRUNED where the pruner stopped the trial or memory ran out; WAITING where the machine or the
    study's storage is to blame; else FAIL with the traceback. What an error came of is looked at too:
    Hydra, for one, wraps whatever a `_target_` raises."""
    if isinstance(error, TrialPruned):
        trial = current_trial()
        paused = isinstance(trial, LiveTrial) and trial.is_to_pause
        return Outcome(TrialState.PRUNED, reason=str(error) or "pruned", paused=paused)
    came_of = list(causes(error))
    if mistake := next((one for one in came_of if isinstance(one, ConfigurationError)), None):
        return Outcome(TrialState.FAIL, reason=str(mistake), mistake=True)
    if any(isinstance(one, StorageInternalError) for one in came_of):
        return Outcome(TrialState.WAITING, reason=_in_words(error))
    if any(SICK.search(str(one)) for one in came_of):
        return Outcome(TrialState.WAITING, reason=_in_words(error), mistake=True)
    if said := out_of_memory(error):
        return Outcome(TrialState.PRUNED, reason=_short(f"{OUT_OF_MEMORY}: {said}"))
    trace = masked(hidden("".join(traceback.format_exception(error))))
    return Outcome(TrialState.FAIL, reason=_in_words(error), traceback=trace)


def _in_words(error: BaseException) -> str:
    first, *rest = str(error).strip().split("\n")
    said = f"{first} {rest[0]}" if rest and first.endswith(":") else first  # Hydra's, of what it called
    return _short(f"{type(error).__name__}: {said}")


def _short(line: str) -> str:
    return masked(hidden(shorten(line, 250, placeholder=" …")))
