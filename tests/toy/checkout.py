"""A checkout of this project's files in a folder of a test, that the test may edit."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT, TOY

GIT = ["git", "-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "init.defaultBranch=main"]


# what a worker imports, but its supervisor not again
WORKER = ("src/hydra_sweep/worker/trial.py", "src/hydra_sweep/worker/worker.py")


class Checkout:
    def __init__(self, root: Path, with_git: bool = True) -> None:
        self.root = root
        for name in ("src", "configs", "tests/toy"):
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy2(ROOT / ".gitignore", root)
        if with_git:
            self.git("init", "--quiet")
            self.commit()

    def git(self, *arguments: str) -> str:
        return subprocess.run(
            [*GIT, "-C", self.root, *arguments], check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit(self) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "any")
        return self.git("rev-parse", "HEAD")

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text()
        assert old in text
        (self.root / name).write_text(text.replace(old, new))

    def break_syntax(self, *names: str) -> None:
        for name in names:
            (self.root / name).write_text("def (\n")

    def start(self, script: str, *arguments: str, cwd: Path | None = None) -> subprocess.Popen:
        """Runs a script as a user of this checkout would, where another is installed."""
        path = os.pathsep.join([str(self.root), str(self.root / "src")])
        env = {key: value for key, value in os.environ.items() if key != "PROJECT_ROOT"}
        return subprocess.Popen(
            [sys.executable, str(self.root / script), *arguments],
            cwd=cwd or self.root,
            env={**env, "PYTHONPATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def toy(self, *arguments: str, code: int = 0, cwd: Path | None = None) -> str:
        """Sweeps over the toy task to the end. What it printed."""
        process = self.start("tests/toy/toy.py", *TOY, *arguments, cwd=cwd)
        said = process.communicate(timeout=120)[0]
        assert process.returncode == code, said
        return said
