import sys
from collections.abc import Iterator
from contextlib import contextmanager

from hydra.errors import OverrideParseException

from src.sweep.errors import SweepError, unknown_key


@contextmanager
def mistakes_explained() -> Iterator[None]:
    """Adds a line to what Hydra says of an override: the valid keys and the nearest, where it is for
    an unknown one; the override itself, where it does not parse.

    Hydra prints its own message and exits; what it printed is the context of that exit.
    """
    try:
        yield
    except SystemExit as end:
        if said := _explanation(end.__context__):
            print(said, file=sys.stderr)
        raise


def _explanation(error: BaseException | None) -> str | None:
    if isinstance(error, SweepError):  # which says it all
        return None
    if isinstance(error, OverrideParseException):
        return f"{error.override}: {' '.join(str(error).split())}"
    return unknown_key(error)
