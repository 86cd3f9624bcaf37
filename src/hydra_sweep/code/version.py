"""Which code works on a study: its commit, and what differs from that.

Kept in the study's attribute `code`, one entry for each start that differs from the last; the diffs lie in
the sweep's folder. Where git can say nothing (not installed, no repository, no commit), nothing is kept.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna

from hydra_sweep.code.project import excluding, git
from hydra_sweep.study.secrets import hidden, masked

# the study's attribute, and the folder in the sweep's
CODE = "code"

# A file larger than this differs in one line of the diff; the whole diff is cut at it.
MOST_BYTES = 1 << 20
MOST_NAMES = 1000


@dataclass(frozen=True)
class CodeVersion:
    """What git says of this checkout; `diff` is empty where nothing differs from the commit."""

    commit: str
    branch: str
    diff: str

    @property
    def diff_file(self) -> str | None:
        """Its name from the sweep's folder."""
        if not self.diff:
            return None
        digest = hashlib.sha256(os.fsencode(self.diff)).hexdigest()
        return f"{CODE}/{self.commit[:7]}-{digest[:8]}.diff"

    def entry(self) -> dict[str, Any]:
        dirty, file = bool(self.diff), self.diff_file
        return {"commit": self.commit, "branch": self.branch, "dirty": dirty, "diff": file}


def current(root: Path, folder: Path) -> CodeVersion | None:
    """The version of the code in `root`; what is in the sweep's folder does not count."""
    if not (head := git("rev-parse", "HEAD", "--abbrev-ref", "HEAD", root=root)):
        return None
    commit, branch = head.split()
    within = [".", *excluding(folder, root)]
    listed = git("ls-files", "-z", "-o", "--exclude-standard", "--", *within, root=root)
    untracked = (listed or "").split("\0")
    names = "".join(f"# untracked: {name}\n" for name in untracked[:MOST_NAMES] if name)
    diff = git(
        *("-c", f"core.bigFileThreshold={MOST_BYTES}", "diff", "--no-ext-diff", "--no-textconv"),
        *("--no-color", "HEAD", "--", *within),
        root=root,
    )
    return CodeVersion(commit, branch, _bounded(masked(hidden(names + (diff or "")))))


def changed(known: dict[str, Any], version: CodeVersion | None) -> list[str]:
    """In words, how the code differs from what last worked on a study with these attributes."""
    if not (history := known.get(CODE)) or not version:
        return []
    was, now = history[-1], version.entry()
    if (was["commit"], was["diff"]) == (now["commit"], now["diff"]):
        return []
    return [f"code: was {_words(was)}, now {_words(now)}"]


def record(study: optuna.Study, folder: Path, version: CodeVersion | None, snapshot: str | None) -> None:
    """Keeps with the study what works on it from now on."""
    if not version:
        return
    known = study.user_attrs.get(CODE, [])
    entry = {**version.entry(), "snapshot": snapshot}
    if known and {**known[-1], **entry} == known[-1]:
        return
    if version.diff_file:
        (folder / CODE).mkdir(exist_ok=True)
        (folder / version.diff_file).write_bytes(os.fsencode(version.diff))
    ended = sum(trial.state.is_finished() for trial in study.get_trials(deepcopy=False))
    study.set_user_attr(CODE, [*known, {"trials_ended": ended, **entry}])


def _words(entry: dict[str, Any]) -> str:
    return entry["commit"][:7] + (f" with changes ({entry['diff']})" if entry["diff"] else "")


def _bounded(diff: str) -> str:
    if len(diff) <= MOST_BYTES:
        return diff
    return f"{diff[:MOST_BYTES]}\n# cut here, of {len(diff)} characters\n"
