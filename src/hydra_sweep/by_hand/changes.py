"""What may become of which trial."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.errors import SweepError, unknown
from hydra_sweep.pruners import PAUSED, PROMOTED
from hydra_sweep.report.words import WORDS, counted
from hydra_sweep.space.given import given
from hydra_sweep.space.grammar import in_words, space_of
from hydra_sweep.space.lists import key_of
from hydra_sweep.space.search_space import SearchSpace
from hydra_sweep.space.text import parse
from hydra_sweep.space.values import read
from hydra_sweep.study import queue
from hydra_sweep.study.outcome import Outcome
from hydra_sweep.study.reopen import reopen
from hydra_sweep.study.storage import StudyAddress
from hydra_sweep.study.sweep_study import BUDGET, CONSTRAINTS

CUSTOM = "custom_search_space"


@dataclass(frozen=True)
class Change:
    """What becomes of trials, each with its words; `then` is what is to be known of it."""

    trials: list[FrozenTrial]
    becomes: str
    then: list[str]
    make: Callable[[StudyAddress], None]


def retry(study: optuna.Study, numbers: Sequence[int]) -> Change:
    """Puts trials back into the queue, those that failed where none are named: number, parameters and
    folder stay, attempt + 1, and losses begin to count anew. Raises SweepError where one is not there or
    has not ended."""
    trials = _chosen(study, numbers) if numbers else _failed(study)
    if open_ones := [trial for trial in trials if not trial.state.is_finished()]:
        raise SweepError(f"Trial {open_ones[0].number} has not ended: {_state(open_ones[0])}.")
    chosen = [trial.number for trial in trials]

    def make(address: StudyAddress) -> None:
        reopen(address, chosen)
        again = address.load()
        for number in chosen:
            trial = again.get_trials(deepcopy=False)[number]
            for key in {"losses", PAUSED, PROMOTED} & trial.user_attrs.keys():
                again._storage.set_trial_user_attr(trial._trial_id, key, 0)
            queue.put_back(again, trial, "retried by hand")

    return Change(trials, "queued", ["The same command that began the sweep trains them."], make)


def drop(study: optuna.Study, numbers: Sequence[int], reason: str | None) -> Change:
    """Has trials count as failed, with the reason. Raises SweepError where one is not there, or failed."""
    trials = _chosen(study, numbers)
    if failed := [trial for trial in trials if trial.state == TrialState.FAIL]:
        raise SweepError(f"Trial {failed[0].number} has failed already, and counts as no result.")

    def make(address: StudyAddress) -> None:
        reopen(address, [trial.number for trial in trials if trial.state.is_finished()])
        again = address.load()
        for was in trials:
            trial = again.get_trials(deepcopy=False)[was.number]
            if trial.state == TrialState.WAITING:
                again._storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING)
            value = f" (it had {_values(was)})" if was.values else ""
            why = f"dropped by hand{value}{f': {reason}' if reason else ''}"
            queue.tell(again, trial, Outcome(TrialState.FAIL, reason=why))

    counted_in = f"hydra.sweeper.n_trials={_budget(study)} still counts them in"
    then = [f"{counted_in}: with a larger one others are trained instead."]
    return Change(trials, "failed", then, make)


def add(study: optuna.Study, lines: Sequence[str], values: Sequence[float]) -> Change:
    """Adds a complete trial. Raises SweepError where its parameters are not those of the space, or it has
    another number of values than the study has metrics."""
    space = _space(study)
    params = _params(lines, space)
    if len(values) != len(study.directions) or not all(map(math.isfinite, values)):
        n = counted(len(study.directions), "finite number")
        raise SweepError(f"add: --value: expected {n}, got {' '.join(map(str, values))}.")
    trial = optuna.create_trial(
        params=params,
        distributions={name: space.distributions[name] for name in params},
        values=list(values),
        user_attrs={"added": "by hand"},
        constraints=dict.fromkeys(study.user_attrs.get(CONSTRAINTS, []), 0.0),  # it is taken to keep them
    )
    trial.number = len(study.get_trials(deepcopy=False))
    same = [one.number for one in study.get_trials(deepcopy=False) if one.params == params]
    then = [f"Trial {same[0]} has the same parameters."] if same else []
    n, most = trial.number + 1, _budget(study)
    if n > most:
        then.append(f"It counts once hydra.sweeper.n_trials is at least {n}; it is {most}.")
    else:
        then.append(f"hydra.sweeper.n_trials={most} counts it in: {counted(most - n, 'other')} may follow.")
    return Change([trial], "added", then, lambda address: address.load().add_trial(trial))


def _chosen(study: optuna.Study, numbers: Sequence[int]) -> list[FrozenTrial]:
    trials = study.get_trials(deepcopy=False)
    if strange := [number for number in numbers if not 0 <= number < len(trials)]:
        has = f"0 to {len(trials) - 1}" if trials else "none"
        raise SweepError(f"There is no trial {strange[0]}. Valid: {has}.")
    return [trials[number] for number in sorted(set(numbers))]


def _failed(study: optuna.Study) -> list[FrozenTrial]:
    if not (failed := study.get_trials(deepcopy=False, states=(TrialState.FAIL,))):
        raise SweepError("No trial has failed. Name those that are to be trained again.")
    return failed


def _space(study: optuna.Study) -> SearchSpace:
    words = dict(study.user_attrs.get("space", {}))
    if CUSTOM in words:
        raise SweepError(
            f"add: the space of this study is a function, {words[CUSTOM]}: expected a fixed one."
        )
    return space_of(words)


def _params(lines: Sequence[str], space: SearchSpace) -> dict[str, Any]:
    parsed = map(parse, lines)
    values = {one.get_key_element().lstrip("+"): one.value() for one in parsed}
    names = [name.lstrip("+") for name in in_words(space)]
    if strange := [key for key in values if key not in names]:
        raise unknown("parameter", strange[0], names)
    found = given(space, values, _read)
    if wrong := [*found.outside.values(), *found.apart.values()]:
        raise SweepError(f"add: {wrong[0]}.")
    if missing := [key_of(name, space.distributions).lstrip("+") for name in space.missing(found.params)]:
        few = " of those that it may have" if space.conditional else ""
        raise SweepError(
            f"add: {missing[0]} is missing: expected a value for each of {', '.join(names)}{few}."
        )
    return found.params


def _read(key: str, distribution: BaseDistribution, value: Any) -> Any:
    """Of the choice of a config group, or of another value: the study does not say which it is."""
    try:
        return read(distribution, value)
    except ValueError:
        return read(distribution, value, is_group=True)


def _budget(study: optuna.Study) -> int:
    return study.user_attrs.get(BUDGET, len(study.get_trials(deepcopy=False)))


def _state(trial: FrozenTrial) -> str:
    return WORDS[trial.state][0]


def _values(trial: FrozenTrial) -> str:
    return " ".join(f"{value:.6g}" for value in trial.values)
