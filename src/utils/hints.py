import sys
from collections.abc import Iterator
from contextlib import contextmanager

from src.sweep.errors import SweepError, unknown_key


@contextmanager
def unknown_keys_explained() -> Iterator[None]:
    """Adds the valid keys, and the nearest, to what Hydra says of an override for an unknown key.

    Hydra prints its own message and exits; what it printed is the context of that exit.
    """
    try:
        yield
    except SystemExit as end:
        told = isinstance(end.__context__, SweepError)
        if not told and (said := unknown_key(end.__context__)):
            print(said, file=sys.stderr)
        raise
