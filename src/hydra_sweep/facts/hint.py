from dataclasses import dataclass


@dataclass(frozen=True)
class Hint:
    """`do` is an override for the same sweep, where one would help."""

    kind: str
    title: str
    text: str
    do: str | None
