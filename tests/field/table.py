"""What people really write, and what comes of it: the files beside this one are tables of one kind each,
run by the real command."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Run

SEARCH = ("-m", "hparams_search=mnist_optuna")
DRY = "hydra.sweeper.dry_run=true"
# None/…: a path of a configuration that was resolved where it has no meaning
NEVER = re.compile(r"Traceback|\bNone/")


@dataclass(frozen=True)
class Case:
    """A command and what it is to say.

    `words` are as in a shell, behind `python src/train.py -m hparams_search=mnist_optuna`; `says` are
    regular expressions, each to be found in what is printed; `code` is the exit code.
    """

    words: str
    says: str | tuple[str, ...]
    code: int = 0

    @property
    def expected(self) -> tuple[str, ...]:
        return (self.says,) if isinstance(self.says, str) else self.says


def table(*cases: Case) -> pytest.MarkDecorator:
    """Has a test be called with each `case`."""
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.words)


def check(case: Case, train: Run, folder: Path) -> str:
    """Runs a command that begins nothing: a dry run, or one that is refused. What it printed."""
    done = train(*SEARCH, *shlex.split(case.words), DRY, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == case.code, said
    for pattern in case.expected:
        assert re.search(pattern, said), f"no {pattern!r} in {said}"
    assert not NEVER.search(said), said
    assert list(folder.iterdir()) == [], "something was written"
    return said
