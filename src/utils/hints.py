import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hydra._internal import defaults_list
from hydra.errors import OverrideParseException

from src.sweep.errors import SweepError, unknown, unknown_key


@contextmanager
def mistakes_explained() -> Iterator[None]:
    """Adds a line to what Hydra says of an override: the valid keys and the nearest, where it is for
    an unknown one; the override itself, where it does not parse.

    Hydra prints its own message and exits; what it printed is the context of that exit.
    """
    defaults_list.Overrides = NamedChoices
    try:
        yield
    except SystemExit as end:
        if said := _explanation(end.__context__):
            print(said, file=sys.stderr)
        raise


class NamedChoices(defaults_list.Overrides):
    """Hydra's overrides, which for `model=null` or `model=5` raise a ValueError, shown with a traceback
    and without the override."""

    def __init__(self, repo: Any, overrides_list: list[Any]) -> None:
        for override in overrides_list:
            group = override.key_or_group
            if override.is_sweep_override() or override.is_delete() or not repo.group_exists(group):
                continue
            if not isinstance(override.value(), str | list | dict):
                valid = repo.get_group_options(group)
                raise unknown(f"choice of {group}", override.get_value_string(), valid)
        super().__init__(repo=repo, overrides_list=overrides_list)


def _explanation(error: BaseException | None) -> str | None:
    if isinstance(error, SweepError):  # which says it all
        return None
    if isinstance(error, OverrideParseException):
        return f"{error.override}: {' '.join(str(error).split())}"
    return unknown_key(error)
