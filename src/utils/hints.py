import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hydra.errors import OverrideParseException

from src.sweep.errors import SweepError, unknown, unknown_key

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


@contextmanager
def mistakes_explained() -> Iterator[None]:
    """Adds a line to what Hydra says of an override: the valid keys and the nearest, where it is for
    an unknown one; the override itself, where it does not parse. Of `model=null`, for which Hydra shows a
    traceback, the line is all.

    Hydra prints its own message and exits; what it printed is the context of that exit.
    """
    for line in sys.argv[1:]:
        if wrong := _no_choice(line):
            sys.exit(wrong)
    try:
        yield
    except SystemExit as end:
        if said := _explanation(end.__context__):
            print(said, file=sys.stderr)
        raise


def _no_choice(line: str) -> str | None:
    """What to say of an override by which null or a number is to be the choice of a config group."""
    group, _, choice = line.partition("=")
    folder = CONFIGS / group.partition("@")[0]
    if not re.fullmatch(r"null|[\d.]+", choice) or not group or not folder.is_dir():
        return None
    return str(unknown(f"choice of {group}", choice, [path.stem for path in folder.glob("*.yaml")]))


def _explanation(error: BaseException | None) -> str | None:
    if isinstance(error, SweepError):  # which says it all
        return None
    if isinstance(error, OverrideParseException):
        return f"{error.override}: {' '.join(str(error).split())}"
    return unknown_key(error)
