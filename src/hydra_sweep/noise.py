"""What `hydra.sweeper` says of noise: `repeats` and `confirm`, as plain values, empty where there are to be
none. The least numbers are checked with all others."""

from collections.abc import Mapping
from typing import Any

from hydra_sweep.errors import SweepError, unknown

# where a trial's configuration has its seed
KEY = "seed"
REPEATS = {"n": 1, "key": KEY}
CONFIRM = {"top": None, "seeds": 5, "key": KEY}


def repeats(asked: Any) -> dict[str, Any]:
    """Raises SweepError where a key is unknown, or names no seed."""
    given = asked if isinstance(asked, Mapping) else {} if asked is None else {"n": asked}
    found = _merged("repeats", REPEATS, given)
    return found if found["n"] != 1 or isinstance(found["n"], bool) else {}


def confirm(asked: Any) -> dict[str, Any]:
    """Likewise."""
    if not isinstance(asked or {}, Mapping):
        raise SweepError(f"hydra.sweeper.confirm: expected lines such as top: 3, got {asked!r}.")
    found = _merged("confirm", CONFIRM, asked or {})
    return found if found["top"] is not None else {}


def _merged(name: str, defaults: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    if wrong := [key for key in given if key not in defaults]:
        raise unknown(f"key of hydra.sweeper.{name}", str(wrong[0]), list(defaults))
    found = {**defaults, **given}
    if not isinstance(found["key"], str):
        raise SweepError(
            f"hydra.sweeper.{name}.key: expected where the configuration has its seed, such as {KEY}, got "
            f"{found['key']}."
        )
    return found
