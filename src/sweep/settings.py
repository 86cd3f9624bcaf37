from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from src.sweep.errors import SweepError, unknown

DIRECTIONS = ("minimize", "maximize")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What `hydra.sweeper` says. `configs/hydra/sweeper/async_optuna.yaml` explains each key."""

    sampler: Any
    pruner: Any
    study_name: str
    direction: str | list[str] = "minimize"
    storage: Any = None
    n_trials: int = 20
    n_jobs: int = 2
    slots: int = 1
    max_retries: int = 3
    max_failure_rate: float = 0.0
    params: Mapping[str, Any] | None = None
    custom_search_space: str | None = None
    prepare: str | None = None
    finish: str | None = None

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> "Settings":
        """Raises SweepError where a key is unknown or missing, or a value out of its range."""
        valid = [field.name for field in fields(cls)]
        for key in values:
            if key not in valid:
                raise unknown("key of hydra.sweeper", key, valid)
        if not values.get("study_name"):
            raise SweepError("hydra.sweeper.study_name is not set: it names the sweep and its folder.")
        if "direction" in values:
            values = {**values, "direction": _directions(values["direction"])}
        settings = cls(**values)
        for name, low, high in (
            ("n_trials", 1, None),
            ("n_jobs", 1, None),
            ("slots", 1, None),
            ("max_retries", 0, None),
            ("max_failure_rate", 0, 1),
        ):
            _check_range(name, getattr(settings, name), low, high)
        return settings

    @property
    def directions(self) -> list[str]:
        return [self.direction] if isinstance(self.direction, str) else self.direction


def _directions(value: Any) -> str | list[str]:
    # hydra-optuna-sweeper knows an enum, a string, or a list of these.
    listed = not isinstance(value, str) and hasattr(value, "__iter__")
    names = [getattr(one, "name", one) for one in (value if listed else [value])]
    for name in names:
        if name not in DIRECTIONS:
            raise unknown("hydra.sweeper.direction", str(name), list(DIRECTIONS))
    return names if listed else names[0]


def _check_range(name: str, value: Any, low: float, high: float | None) -> None:
    kind = (int, float) if high is not None else int
    is_number = isinstance(value, kind) and not isinstance(value, bool)
    if is_number and low <= value and (high is None or value <= high):
        return
    expected = f"a number from {low} to {high}" if high is not None else f"a whole number from {low} up"
    raise SweepError(f"hydra.sweeper.{name}: expected {expected}, got {value!r}.")
