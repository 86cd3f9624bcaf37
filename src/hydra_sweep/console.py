"""Where the supervisor speaks to the user."""

import codecs
import sys
from functools import cache
from typing import Any

# for terminals and files of another encoding than UTF-8
PLAIN = {"…": ".", "↻": "x", "━": "#", "─": "-"}


@cache
def console() -> Any:
    """A rich Console, which is imported by who has something to say: a mistake is told without."""
    from rich.console import Console

    codecs.register_error("plain", _plain)
    if hasattr(sys.stdout, "reconfigure"):  # it is the user's own otherwise, as in a notebook
        sys.stdout.reconfigure(errors="plain")
    # without markup: [a,b] is a value
    made = Console(markup=False, soft_wrap=True, highlight=False)
    if not made.is_terminal:
        made.width = 140  # rich takes 80, and folds tables that have room
    return made


def say(line: str) -> None:
    console().print(line)


def _plain(error: UnicodeError) -> tuple[str, int]:
    """One character for one, so that columns stay in line."""
    return "".join(PLAIN.get(one, "?") for one in error.object[error.start : error.end]), error.end
