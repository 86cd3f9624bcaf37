"""The trial that this process runs."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna import Trial

_open: "Callable[[], Trial] | None" = None


def current_trial() -> "Trial | None":
    """The trial that this process runs, to report to and to ask `should_prune`; None outside a sweep."""
    return _open() if _open else None


def set_current_trial(open_trial: "Callable[[], Trial]") -> None:
    """Says how this process opens its trial, which is done when it is first asked for."""
    global _open
    _open = cache(open_trial)
