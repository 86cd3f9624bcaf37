"""Where the application's code lies, and what git says there."""

import inspect
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

TIMEOUT_S = 10


def project_root(task: Callable[..., Any]) -> Path:
    """The top of the git work tree that the task function's file is part of; its folder where there is
    none, and the working directory where Python does not know the file."""
    try:
        file = Path(inspect.getfile(inspect.unwrap(task))).resolve()
    except TypeError:  # a callable object, say
        return Path.cwd()
    is_known = git("ls-files", "-co", "--exclude-standard", "--", file.name, root=file.parent)
    top = git("rev-parse", "--show-toplevel", root=file.parent) if is_known else None
    return Path(top.rstrip("\n")) if top else file.parent


def git(*arguments: str, root: Path) -> str | None:
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


def excluding(folder: Path, root: Path) -> list[str]:
    """Leaves a folder, if it is in the checkout, out of a git command's paths."""
    folder = folder.resolve()
    inside = folder.is_relative_to(root) and folder != root
    return [f":(exclude,literal){folder.relative_to(root)}"] if inside else []
