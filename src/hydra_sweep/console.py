"""Where the supervisor speaks to the user."""

from functools import cache
from typing import Any


@cache
def console() -> Any:
    """A rich Console, which is imported by who has something to say: a mistake is told without."""
    from rich.console import Console

    # without markup: [a,b] is a value
    made = Console(markup=False, soft_wrap=True, highlight=False)
    if not made.is_terminal:
        made.width = 140  # rich takes 80, and folds tables that have room
    return made


def say(line: str) -> None:
    console().print(line)
