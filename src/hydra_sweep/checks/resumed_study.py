"""What a study was begun with, and what of it may change: trials of another search space, metric or
direction cannot be compared."""

import warnings
from typing import Any

import optuna
from omegaconf import OmegaConf
from optuna.distributions import (
    FloatDistribution,
    IntDistribution,
    check_distribution_compatibility,
)
from optuna.exceptions import ExperimentalWarning
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.errors import SweepError
from hydra_sweep.space.grammar import in_words, space_of
from hydra_sweep.space.search_space import SearchSpace
from hydra_sweep.study.sweep_study import CONSTRAINTS, FIRST_STEP, N_REPEATS
from hydra_sweep.sweep import Sweep

# A trial that failed has no value of the metric: its name may have been misspelt.
MEASURED = (TrialState.COMPLETE, TrialState.PRUNED)
# the study's attribute
FIDELITY = "fidelity"
# the word for a function of the space
CUSTOM = "custom_search_space"
WAYS_OUT = "Set another hydra.sweeper.study_name, or hydra.sweeper.study=new for the next free one."
KNOWN_THERE = "There hydra.sweeper.warm_start={name} has the sampler know what was found here."


def record(study: optuna.Study, sweep: Sweep) -> list[str]:
    """Keeps with the study what is asked for. Returns the fixed overrides and the ranges that changed, in
    words."""
    known = study.user_attrs
    study_attrs = {"space": _space(sweep), "metric": _metric(sweep)}
    if sweep.fidelity or known.get(FIDELITY):
        study_attrs[FIDELITY] = _fidelity(sweep)
    if known.get(CONSTRAINTS, []) != (constraints := list(sweep.settings.constraints)):
        study_attrs[CONSTRAINTS] = constraints
    if known.get(N_REPEATS, 1) != (n := sweep.settings.repeats.get("n", 1)):
        study_attrs[N_REPEATS] = n
    changes = changed_overrides(study, sweep)
    begun_otherwise = changed_ranges(study, sweep)
    if changes or "overrides" not in known:
        begun = sum(trial.state.is_finished() for trial in study.get_trials(deepcopy=False))
        since = {"trials_ended": begun, "overrides": sweep.space.fixed}
        study_attrs["overrides"] = [*known.get("overrides", []), since]
    if FIRST_STEP not in known:
        study_attrs[FIRST_STEP] = _first_step(study)
    for key, value in study_attrs.items():
        if known.get(key) != value:
            study.set_user_attr(key, value)
    _name_values(study, study_attrs["metric"])
    return changes + begun_otherwise


def _name_values(study: optuna.Study, metric: str | list[str] | None) -> None:
    """For optuna-dashboard and Optuna's plots, which else call them objectives."""
    names = [metric] if isinstance(metric, str) else metric or []
    if len(names) == len(study.directions) and study.metric_names != names:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            study.set_metric_names(names)


def _first_step(study: optuna.Study) -> int:
    """0 of a study that was begun when epochs were counted so: pruners compare trials at equal steps."""
    trials = study.get_trials(deepcopy=False)
    return 0 if any(0 in trial.intermediate_values for trial in trials) else 1


def changed_overrides(study: optuna.Study, sweep: Sweep) -> list[str]:
    """The fixed overrides that are not what they were, in words."""
    if not (history := study.user_attrs.get("overrides")):
        return []
    was, now = _by_key(history[-1]["overrides"]), _by_key(sweep.space.fixed)
    return [
        f"{key}: was {was.get(key, 'not set')}, now {now.get(key, 'not set')}"
        for key in {**was, **now}
        if was.get(key) != now.get(key)
    ]


def changed_ranges(study: optuna.Study, sweep: Sweep) -> list[str]:
    """The ranges of numbers that are not what they were, in words: trials of one are points of the other,
    or beside it."""
    was, now = study.user_attrs.get("space", {}), _space(sweep)
    begun = _begun_space(study)
    return [
        f"{key}: was {was[key]}, now {now[key]}"
        for key in was
        if was[key] != now.get(key) and _is_range_of_same_kind(key, begun, sweep.space)
    ]


def _begun_space(study: optuna.Study) -> SearchSpace:
    words = study.user_attrs.get("space", {})
    return space_of({key: text for key, text in words.items() if key != CUSTOM})


def _is_range_of_same_kind(key: str, was: SearchSpace, now: SearchSpace) -> bool:
    """Whether Optuna takes both for one parameter, which the same trials have, within the same others."""
    one, other = was.distributions.get(key), now.distributions.get(key)
    if one is None or not isinstance(other, FloatDistribution | IntDistribution):
        return False
    ties = [(space.when.get(key), space.bounds.get(key), key in space.pow2) for space in (was, now)]
    try:
        check_distribution_compatibility(one, other)
    except ValueError:
        return False
    return ties[0] == ties[1]


def differing_results(study: optuna.Study, sweep: Sweep) -> list[str]:
    """In what the results of the study are others than the sweep's, in words."""
    differences = _differences("direction", _directions(study), sweep.settings.directions)
    if "space" in study.user_attrs:  # else it is of another program, which names no metric
        differences += _differences("metric", study.user_attrs.get("metric"), _metric(sweep))
    return differences


def check_comparable(study: optuna.Study, sweep: Sweep, points: list[dict[str, Any]] | None) -> None:
    """Raises SweepError, with the difference, where the trials of the study and those that are asked
    for cannot be compared. A study without a trial begun may still become another, and of any the ranges of
    numbers may be widened and narrowed.

    `points` are those of a grid: the study's trials must be of them, each another, for what waits there
    empty would not become one.
    """
    trials, ways_out = study.get_trials(deepcopy=False), WAYS_OUT
    differences = _differences("direction", _directions(study), sweep.settings.directions)
    if any(trial.state in MEASURED or trial.intermediate_values for trial in trials):
        differences += _differences("metric", study.user_attrs.get("metric"), _metric(sweep))
        differences += _differences("fidelity", study.user_attrs.get(FIDELITY, "none"), _fidelity(sweep))
    if any(trial.state == TrialState.COMPLETE for trial in trials):
        was, now = study.user_attrs.get(CONSTRAINTS, []), list(sweep.settings.constraints)
        differences += _differences("constraints", was or ["none"], now or ["none"])
        was, now = study.user_attrs.get(N_REPEATS, 1), sweep.settings.repeats.get("n", 1)
        differences += _differences("hydra.sweeper.repeats", was, now)
    if any(trial.state.is_finished() or trial.params for trial in trials):
        was, now = study.user_attrs.get("space", {}), _space(sweep)
        begun, of_space = _begun_space(study), []
        for key in {**was, **now}:
            if not _is_range_of_same_kind(key, begun, sweep.space):
                of_space += _differences(key, was.get(key, "not searched"), now.get(key, "not searched"))
        ways_out += f" {KNOWN_THERE.format(name=sweep.address.name)}" if of_space else ""
        differences += of_space
    if differences:
        raise SweepError(
            f"Study {sweep.address.name} was begun otherwise: {'; '.join(differences)}. {ways_out}"
        )

    if points and not _are_points(trials[: len(points)], points):
        raise SweepError(
            f"Study {sweep.address.name} was not begun as this grid: its trials are other points, "
            f"and some of the grid's would never be tried. {WAYS_OUT}"
        )


def _are_points(trials: list[FrozenTrial], points: list[dict[str, Any]]) -> bool:
    tried = {frozenset(trial.params.items()) for trial in trials}
    return len(tried) == len(trials) and tried <= {frozenset(point.items()) for point in points}


def _differences(what: str, was: Any, now: Any) -> list[str]:
    return [] if was == now else [f"{what} was {_words(was)}, now {_words(now)}"]


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _directions(study: optuna.Study) -> list[str]:
    return [direction.name.lower() for direction in study.directions]


def _space(sweep: Sweep) -> dict[str, str]:
    space = in_words(sweep.space)
    if function := sweep.space.custom:
        space[CUSTOM] = function
    return space


def _metric(sweep: Sweep) -> str | list[str] | None:
    metric = OmegaConf.select(sweep.config, "optimized_metric")
    return OmegaConf.to_container(metric) if OmegaConf.is_config(metric) else metric


def _fidelity(sweep: Sweep) -> str:
    """In words: what the steps of trials are."""
    if not sweep.fidelity:
        return "none"
    return f"{sweep.fidelity.key.lstrip('+')}: {list(sweep.fidelity.values)}"


def _by_key(overrides: list[str]) -> dict[str, str]:
    return {key: value for key, _, value in (line.partition("=") for line in overrides)}
