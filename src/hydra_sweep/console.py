"""Where the supervisor speaks to the user."""

from rich.console import Console

# without markup: [a,b] is a value
console = Console(markup=False, soft_wrap=True, highlight=False)
if not console.is_terminal:
    console.width = 140  # rich takes 80, and folds tables that have room


def say(line: str) -> None:
    console.print(line)
