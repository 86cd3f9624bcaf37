"""What went wrong, grouped by why: trials that failed, and those that count as bad because they came to no
number, to no memory, or were never begun."""

import os
import re
from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.facts.attempts import word
from hydra_sweep.facts.seen import Seen, is_pruned
from hydra_sweep.study.secrets import hidden, masked

# groups, and characters of a log's end, at most
GROUPS, EXCERPT = 30, 1500
# what differs between the words of one error: numbers, addresses, folders
VARIES = re.compile(r"0x[0-9a-f]+|(?<![\w.])/[^\s:'\"]+|[-+]?\d[\d.,]*(?:e[-+]?\d+)?", re.I)


def failures(seen: Seen) -> list[dict[str, Any]]:
    """A group for each reason, the largest first: reasons that differ only in numbers and paths are one."""
    groups: dict[tuple[str, str], list[FrozenTrial]] = defaultdict(list)
    for trial in seen.trials:
        if trial.state == TrialState.FAIL or (trial.state == TrialState.PRUNED and not is_pruned(trial)):
            groups[word(trial), VARIES.sub("#", _reason(trial))].append(trial)
    largest = sorted(groups.items(), key=lambda item: -len(item[1]))[:GROUPS]
    return [_group(seen, state, trials) for (state, _), trials in largest]


def _group(seen: Seen, state: str, trials: list[FrozenTrial]) -> dict[str, Any]:
    first = trials[0]
    log = _log(seen, first)
    trace = first.user_attrs.get("traceback") or ""
    return {
        "reason": _reason(first),
        "state": state,
        "trials": [trial.number for trial in trials],
        "log": seen.link(str(log.relative_to(seen.folder))) if log else None,
        "excerpt": trace[-EXCERPT:].strip() or _end(log),
    }


def _reason(trial: FrozenTrial) -> str:
    return trial.user_attrs.get("reason") or trial.system_attrs.get("fail_reason") or "no reason is known"


def _log(seen: Seen, trial: FrozenTrial) -> Path | None:
    """The newest in the trial's folder."""
    if not seen.folder or str(trial.number) not in seen.folders:
        return None
    with suppress(OSError):
        logs = (seen.folder / str(trial.number)).glob("*.log")
        return max(logs, key=lambda path: path.stat().st_mtime, default=None)
    return None


def _end(log: Path | None) -> str:
    with suppress(OSError), open(log or os.devnull, "rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - EXCERPT))
        return masked(hidden(file.read().decode(errors="replace"))).strip()
    return ""
