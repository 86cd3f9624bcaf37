from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from omegaconf import OmegaConf

from hydra_sweep import noise
from hydra_sweep.errors import SweepError, unknown

DIRECTIONS = ("minimize", "maximize")
RESUME, NEW = "resume", "new"
AUTO = "auto"
NOISE = "noise"
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
# likewise of hydra.sweeper.stop
STOP_RANGES = (
    ("target", float("-inf"), None, float),
    ("patience", 1, None, int),
    ("gpu_hours", 0, None, float),
    ("expected_gain", 0, None, float),
)
# likewise of hydra.sweeper.confirm and hydra.sweeper.repeats
NOISE_RANGES = (("confirm", "top", 1), ("confirm", "seeds", 2), ("repeats", "n", 1))
# keys of the search space, with a line of each
SPACE = {"params": "key: choice(a,b)", "when": "key: model=mlp", "prior": "key: 0.001"}
# what else may stand in place of a number
INSTEAD = {
    "seed": None,
    "timeout": None,
    "trials_per_job": None,
    "slots": AUTO,
    "stop.expected_gain": NOISE,
}


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
    fidelity: Mapping[str, Sequence[float]] | None = None
    go_on: str | None = None
    constraints: Sequence[str] = ()
    measures: Mapping[str, str] = field(default_factory=dict)
    prefer: Mapping[str, float] | Sequence[str] | None = None
    stop: Mapping[str, float] = field(default_factory=dict)
    confirm: Mapping[str, Any] = field(default_factory=dict)
    repeats: Mapping[str, Any] = field(default_factory=dict)
    enqueue: Sequence[str] = ()
    warm_start: Sequence[str | Mapping[str, str]] = ()
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
        values = {**values, "enqueue": _enqueued(values.get("enqueue"))}
        values["warm_start"] = _earlier_studies(values.get("warm_start"))
        if "direction" in values:
            values = {**values, "direction": _directions(values["direction"])}
        values = {**values, **_limits(values)}
        settings = cls(**values)
        if settings.study not in (RESUME, NEW):
            raise unknown("hydra.sweeper.study", str(settings.study), [RESUME, NEW])
        for name, low, high, kind in RANGES:
            _check_range(name, getattr(settings, name), low, high, kind)
        for name, *limits in STOP_RANGES:
            _check_range(f"stop.{name}", settings.stop.get(name), *limits)
        for node, name, least in NOISE_RANGES:
            if given := getattr(settings, node):
                _check_range(f"{node}.{name}", given[name], least, None, int)
        for name in (
            {"target", "expected_gain"} & settings.stop.keys() if len(settings.directions) > 1 else ()
        ):
            raise SweepError(f"hydra.sweeper.stop.{name}: expected one metric, got several.")
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


def _limits(values: Mapping[str, Any]) -> dict[str, Any]:
    """`constraints`, `measures`, `prefer`, `stop`, `confirm` and `repeats` as plain values."""
    keys = ("constraints", "measures", "prefer", "stop", "confirm", "repeats")
    plain = OmegaConf.to_container(OmegaConf.create({key: values.get(key) for key in keys}), resolve=True)
    lines = plain["constraints"] or []
    lines = [lines] if isinstance(lines, str) else lines
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise SweepError(
            f"hydra.sweeper.constraints: expected texts such as 'model.width < 500', got {lines!r}."
        )
    for key, such_as in (("measures", "model.params: package.function"), ("stop", "patience: 30")):
        if not isinstance(plain[key] or {}, dict):
            raise SweepError(f"hydra.sweeper.{key}: expected lines such as {such_as}, got {plain[key]!r}.")
    stop = {key: value for key, value in (plain["stop"] or {}).items() if value is not None}
    valid = [name for name, *_ in STOP_RANGES]
    if wrong := [key for key in stop if key not in valid]:
        raise unknown("key of hydra.sweeper.stop", str(wrong[0]), valid)
    return {
        "constraints": tuple(lines),
        "measures": {str(key): str(value) for key, value in (plain["measures"] or {}).items()},
        "prefer": plain["prefer"],
        "stop": stop,
        "confirm": noise.confirm(plain["confirm"]),
        "repeats": noise.repeats(plain["repeats"]),
    }


def _enqueued(value: Any) -> list[str]:
    items = _listed(value)
    for item in items:
        if not isinstance(item, str) or not item.strip():
            raise SweepError(
                "hydra.sweeper.enqueue: expected defaults, an experiment=name, or overrides such as "
                f"'x=0.5 y=3', one or a list, got {item!r}."
            )
    return items


def _earlier_studies(value: Any) -> list[str | dict[str, str]]:
    items = _listed(value)
    for item in items:
        is_address = isinstance(item, Mapping) and set(item) == {"storage", "study_name"}
        if not (
            isinstance(item, str) or (is_address and all(isinstance(one, str) for one in item.values()))
        ):
            raise SweepError(
                "hydra.sweeper.warm_start: expected a sweep's folder, a study's name, or "
                f"{{storage: a URL, study_name: a name}}, one or a list, got {item!r}."
            )
    return [item if isinstance(item, str) else dict(item) for item in items]


def _listed(value: Any) -> list[Any]:
    """One or several, as several."""
    if value is None or value == "":
        return []
    return list(value) if _is_list(value) and not isinstance(value, Mapping) else [value]


def _is_list(value: Any) -> bool:
    return not isinstance(value, str) and hasattr(value, "__iter__")


def _check_range(name: str, value: Any, low: float, high: float | None, kind: type) -> None:
    if (name in INSTEAD and value == INSTEAD[name]) or (name.startswith("stop.") and value is None):
        return
    is_number = isinstance(value, int | kind) and not isinstance(value, bool)
    if is_number and low <= value and (high is None or value <= high):
        return
    noun = "a whole number" if kind is int else "a number"
    expected = f"{noun} from {low} to {high}" if high is not None else f"{noun} from {low} up"
    expected = noun if low == float("-inf") else expected
    expected += f", or {INSTEAD[name]}" if INSTEAD.get(name) else ""
    raise SweepError(f"hydra.sweeper.{name}: expected {expected}, got {value!r}.")
