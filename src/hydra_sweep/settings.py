from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from hydra_sweep.errors import SweepError, unknown

DIRECTIONS = ("minimize", "maximize")
RESUME, NEW = "resume", "new"
AUTO = "auto"
# least and greatest value of each number
RANGES = (
    ("seed", 0, None, int),
    ("n_trials", 1, None, int),
    ("n_jobs", 1, None, int),
    ("slots", 1, None, int),
    ("trials_per_job", 1, None, int),
    ("max_retries", 0, None, int),
    ("max_failure_rate", 0, 1, float),
    ("timeout", 1, None, float),
)
# keys of the search space, with a line of each
SPACE = {"params": "key: choice(a,b)", "when": "key: model=mlp", "prior": "key: 0.001"}
# what else may stand in place of a number
INSTEAD = {"seed": None, "timeout": None, "trials_per_job": None, "slots": AUTO}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What `hydra.sweeper` says. `configs/hydra/sweeper/async_optuna.yaml` explains each key."""

    sampler: Any
    pruner: Any
    study_name: str
    study: str = RESUME
    direction: str | list[str] = "minimize"
    storage: Any = None
    seed: int | None = None
    n_trials: int = 20
    n_jobs: int = 2
    slots: int | str = 1
    trials_per_job: int | None = None
    max_retries: int = 3
    max_failure_rate: float = 0.0
    timeout: float | None = None
    wait: bool = True
    dry_run: bool = False
    snapshot: bool = False
    params: Mapping[str, Any] | None = None
    when: Mapping[str, Any] | None = None
    prior: Mapping[str, Any] | None = None
    custom_search_space: str | None = None
    check: str | Sequence[str] | None = None
    prepare: str | Sequence[str] | None = None
    finish: str | Sequence[str] | None = None
    tracker: str | None = None

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> "Settings":
        """Raises SweepError where a key is unknown or missing, or a value out of its range."""
        valid = [field.name for field in fields(cls)]
        for key in values:
            if key == "search_space":  # hydra-optuna-sweeper's before 1.2
                raise SweepError(
                    "hydra.sweeper.search_space: write it as hydra.sweeper.params, "
                    "lines such as key: choice(a,b) or key: tag(log, interval(1e-5,1e-1))."
                )
            if key not in valid:
                raise unknown("key of hydra.sweeper", key, valid)
        values = {**values, "study_name": _study_name(values.get("study_name"))}
        for name in ("sampler", "pruner"):
            node = values.get(name)
            if not isinstance(node, Mapping) or not node.get("_target_"):
                none = " (pruner=none prunes nothing)" if name == "pruner" else ""
                raise SweepError(
                    f"hydra.sweeper.{name}: expected a _target_, got {node}. "
                    f"Choose hydra/sweeper/{name}=…{none}."
                )
        for name, example in SPACE.items():
            if not isinstance(values.get(name) or {}, Mapping):
                raise SweepError(
                    f"hydra.sweeper.{name}: expected lines such as {example}, got {values[name]!r}."
                )
        if "direction" in values:
            values = {**values, "direction": _directions(values["direction"])}
        settings = cls(**values)
        if settings.study not in (RESUME, NEW):
            raise unknown("hydra.sweeper.study", str(settings.study), [RESUME, NEW])
        for name, low, high, kind in RANGES:
            _check_range(name, getattr(settings, name), low, high, kind)
        if settings.timeout and settings.wait is False:
            raise SweepError(
                f"hydra.sweeper.timeout={settings.timeout:g} with wait=false: nobody would stay to end the "
                "sweep. Leave one of them out."
            )
        for name in ("wait", "dry_run", "snapshot"):
            if not isinstance(getattr(settings, name), bool):
                raise SweepError(
                    f"hydra.sweeper.{name}: expected true or false, got {getattr(settings, name)!r}."
                )
        return settings

    @property
    def least_slots(self) -> int:
        """So many trials run side by side in each worker at least: `auto` begins with one."""
        return 1 if self.slots == AUTO else self.slots

    @property
    def directions(self) -> list[str]:
        return [self.direction] if isinstance(self.direction, str) else self.direction

    def hooks(self, name: str) -> list[str]:
        """The dotted paths of `check`, `prepare` or `finish`."""
        paths = getattr(self, name)
        return [] if not paths else [str(paths)] if not _is_list(paths) else [str(path) for path in paths]


def _study_name(value: Any) -> str:
    if value is None or value == "":
        raise SweepError("hydra.sweeper.study_name is not set: it names the sweep and its folder.")
    name = str(value)
    if "/" in name or name in (".", ".."):
        raise SweepError(
            f"hydra.sweeper.study_name={name}: it names a folder: expected no slash, and neither . nor .."
        )
    return name


def _directions(value: Any) -> str | list[str]:
    # hydra-optuna-sweeper knows an enum, a string, or a list of these.
    listed = _is_list(value)
    names = [getattr(one, "name", one) for one in (value if listed else [value])]
    for name in names:
        if name not in DIRECTIONS:
            raise unknown("hydra.sweeper.direction", str(name), list(DIRECTIONS))
    return names if listed else names[0]


def _is_list(value: Any) -> bool:
    return not isinstance(value, str) and hasattr(value, "__iter__")


def _check_range(name: str, value: Any, low: float, high: float | None, kind: type) -> None:
    if name in INSTEAD and value == INSTEAD[name]:
        return
    is_number = isinstance(value, int | kind) and not isinstance(value, bool)
    if is_number and low <= value and (high is None or value <= high):
        return
    noun = "a whole number" if kind is int else "a number"
    expected = f"{noun} from {low} to {high}" if high is not None else f"{noun} from {low} up"
    expected += f", or {AUTO}" if name == "slots" else ""
    raise SweepError(f"hydra.sweeper.{name}: expected {expected}, got {value!r}.")
