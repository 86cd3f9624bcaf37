"""Studies for the report, made trial by trial, in memory."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.facts.seen import Seen

START = datetime(2026, 1, 1)
SPACE = {
    "model.lr": FloatDistribution(1e-4, 1.0, log=True),
    "model.width": IntDistribution(1, 100),
    "opt": CategoricalDistribution(["adam", "sgd", "none"]),
}
WORDS = {
    "model.lr": "tag(log, interval(0.0001, 1.0))",
    "model.width": "int(interval(1, 100))",
    "opt": "choice(adam, sgd, none)",
}


def trial(
    params: Mapping[str, Any] | None = None,
    value: float | Sequence[float] | None = None,
    state: TrialState | None = None,
    space: Mapping[str, BaseDistribution] = SPACE,
    begun: float = 0.0,
    took: float | None = 10.0,
    curve: Sequence[float] = (),
    constraints: Mapping[str, float] | None = None,
    **attrs: Any,
) -> FrozenTrial:
    """Complete with a value, else failed; times in seconds from START."""
    several, ended = isinstance(value, Sequence), TrialState.FAIL if value is None else TrialState.COMPLETE
    made = optuna.create_trial(
        state=state if state is not None else ended,
        value=None if several else value,
        values=value if several else None,
        params=params or {},
        distributions={name: space[name] for name in params or {}},
        intermediate_values=dict(enumerate(curve, 1)),
        user_attrs=attrs,
        constraints=constraints,
    )
    is_begun, is_ended = made.state != TrialState.WAITING, made.state.is_finished()
    made.datetime_start = START + timedelta(seconds=begun) if is_begun else None
    made.datetime_complete = START + timedelta(seconds=begun + took) if is_ended else None
    return made


def seen(trials: Sequence[FrozenTrial], directions: Sequence[str] = ("minimize",), **attrs: Any) -> Seen:
    """As a sweep's study, where it has attributes."""
    study = optuna.create_study(directions=list(directions), study_name="made")
    study.add_trials(trials)
    for key, value in attrs.items():
        study.set_user_attr(key.replace("_", " ") if key == "started_workers" else key, value)
    return Seen(study)


def drawn(
    n: int,
    value: Callable[[dict[str, Any]], float],
    space: Mapping[str, BaseDistribution] = SPACE,
    seed: int = 0,
    **attrs: Any,
) -> list[FrozenTrial]:
    """Complete trials of parameters at random, of one worker, one after the other."""
    rng = np.random.default_rng(seed)
    found = []
    for i in range(n):
        params = {name: _draw(one, rng) for name, one in space.items()}
        found.append(trial(params, value(params), space=space, begun=10.0 * i, worker="a", **attrs))
    return found


def searched(
    n: int, value: Callable[[dict[str, Any]], float], space: Mapping[str, BaseDistribution] = SPACE
) -> list[FrozenTrial]:
    """As `drawn`, by TPE."""
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    found = []
    for i in range(n):
        asked = study.ask(dict(space))
        study.tell(asked, value(asked.params))
        found.append(trial(asked.params, value(asked.params), space=space, begun=10.0 * i, worker="a"))
    return found


def _draw(one: BaseDistribution, rng: np.random.Generator) -> Any:
    if isinstance(one, CategoricalDistribution):
        return one.choices[rng.integers(len(one.choices))]
    if isinstance(one, IntDistribution):
        return int(rng.integers(one.low, one.high + 1))
    if one.log:
        return float(np.exp(rng.uniform(np.log(one.low), np.log(one.high))))
    return float(rng.uniform(one.low, one.high))
