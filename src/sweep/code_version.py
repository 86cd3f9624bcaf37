"""Which code works on a study: its commit, and what differs from that.

Kept in the study's attribute `code`, one entry for each start that differs from the last; the diffs lie in
the sweep's folder. Where git can say nothing (not installed, no repository, no commit), nothing is kept.
"""

import hashlib
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna

from src.sweep.secrets import hidden, masked

ROOT = Path(__file__).resolve().parents[2]
# the study's attribute, and the folder in the sweep's
CODE = "code"

# A file larger than this differs in one line of the diff; the whole diff is cut at it.
MOST_BYTES = 1 << 20
MOST_NAMES = 1000
TIMEOUT_S = 10


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


def current(folder: Path) -> CodeVersion | None:
    """The version of the code as it lies there; what is in the sweep's folder does not count."""
    if not (head := git("rev-parse", "HEAD", "--abbrev-ref", "HEAD")):
        return None
    commit, branch = head.split()
    within = [".", *excluding(folder)]
    untracked = (git("ls-files", "-z", "-o", "--exclude-standard", "--", *within) or "").split("\0")
    names = "".join(f"# untracked: {name}\n" for name in untracked[:MOST_NAMES] if name)
    diff = git(
        *("-c", f"core.bigFileThreshold={MOST_BYTES}", "diff", "--no-ext-diff", "--no-textconv"),
        *("--no-color", "HEAD", "--", *within),
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


def git(*arguments: str, root: Path = ROOT) -> str | None:
    """What a git command prints, or None where it fails. It takes no lock."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
            timeout=TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return os.fsdecode(done.stdout) if done.returncode == 0 else None


def excluding(folder: Path, root: Path = ROOT) -> list[str]:
    """Leaves a folder, if it is in the checkout, out of a git command's paths."""
    folder = folder.resolve()
    inside = folder.is_relative_to(root) and folder != root
    return [f":(exclude,literal){folder.relative_to(root)}"] if inside else []


def _words(entry: dict[str, Any]) -> str:
    return entry["commit"][:7] + (f" with changes ({entry['diff']})" if entry["diff"] else "")


def _bounded(diff: str) -> str:
    if len(diff) <= MOST_BYTES:
        return diff
    return f"{diff[:MOST_BYTES]}\n# cut here, of {len(diff)} characters\n"
