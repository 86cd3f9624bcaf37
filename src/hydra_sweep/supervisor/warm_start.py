"""`hydra.sweeper.warm_start`: what earlier studies found, for the sampler of this one.

Nothing of it is written into this study: it is read anew at each start, and travels to the workers.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.checks.resumed_study import differing_results
from hydra_sweep.errors import SweepError
from hydra_sweep.report.words import counted
from hydra_sweep.space.given import Given, given
from hydra_sweep.space.grammar import searched, to_overrides
from hydra_sweep.space.lists import key_of, values
from hydra_sweep.space.points import Points
from hydra_sweep.space.text import parse
from hydra_sweep.space.values import converted
from hydra_sweep.study.found import study_of_folder
from hydra_sweep.study.storage import StudyAddress, absolute
from hydra_sweep.sweep import Sweep

KEY = "hydra.sweeper.warm_start"


def earlier_trials(sweep: Sweep, points: Points) -> tuple[tuple[FrozenTrial, ...], list[str]]:
    """The trials of the earlier studies that fit this space, as of it, and what there is to say of them; of
    those that were pruned, with what they had reported. `points` know what the configuration has for the
    searched keys.

    Raises SweepError where a study is not there, has other metrics, or nothing that fits.
    """
    trials: list[FrozenTrial] = []
    lines: list[str] = []
    if sweep.settings.warm_start:
        defaults = points.defaults()
        for item in sweep.settings.warm_start:
            found = _Fitting(_load(item, sweep), points, defaults, sweep.settings.constraints)
            trials += found.trials
            lines += found.lines()
    return tuple(trials), lines


def _load(item: str | dict[str, str], sweep: Sweep) -> optuna.Study:
    address = _address(item, sweep)
    study = address.load_existing() if address else None
    if study is None:
        looked_for = f"{address.name} in {address.shown()}" if address else item
        raise SweepError(
            f"{KEY}: there is no study {looked_for}: expected a sweep's folder, the name of a study beside "
            "this one or in its storage, or {storage: a URL, study_name: a name}."
        )
    if _identity(address) == _identity(sweep.address):
        raise SweepError(f"{KEY}: {address.name} is this study itself: expected another. Leave it out.")
    if differences := differing_results(study, sweep):
        raise SweepError(
            f"{KEY}: study {address.name} cannot be compared: {'; '.join(differences)}. Leave it out."
        )
    return study


def _identity(address: StudyAddress) -> tuple[str, str]:
    return address.name, address.shown()


def _address(item: str | dict[str, str], sweep: Sweep) -> StudyAddress | None:
    folder, storage = sweep.address.folder, sweep.address.storage
    if not isinstance(item, str):
        return StudyAddress(item["study_name"], folder, absolute(item["storage"]))
    for place in (Path(item).expanduser().absolute(), folder.parent / item):
        if found := study_of_folder(place, storage):
            return found
    return StudyAddress(item, folder, storage) if storage else None


class _Fitting:
    """The trials of a study that fit a space, and what is fixed beside it."""

    def __init__(
        self,
        study: optuna.Study,
        points: Points,
        defaults: Mapping[str, Any],
        constraints: Sequence[str],
    ) -> None:
        self.study = study
        self.points = points
        self.space = points.space
        self.defaults = defaults
        self.constraints = constraints
        self.history = study.user_attrs.get("overrides", [])
        self.fixed_here = _by_key(points.space.fixed)
        self.left_out: Counter[str] = Counter()
        self.assumed: dict[str, None] = {}  # in order, each once
        self.ignored: set[str] = set()
        measured = [trial for trial in study.get_trials(deepcopy=False) if _is_measured(trial)]
        self.n = len(measured)
        self.trials: list[FrozenTrial] = []
        for trial in measured:
            if fitted := self._fitted(trial):
                self.trials.append(fitted)
        if not self.trials:
            raise SweepError(f"{KEY}: {' '.join(self.lines())} Leave it out.")

    def lines(self) -> list[str]:
        known, n = len(self.trials), counted(self.n, "result")
        why = ", ".join(f"{count} {why}" for why, count in self.left_out.items())
        lines = [
            f"Of study {self.study.study_name} the sampler knows {known} of {n}"
            f"{f'; left out: {why}' if why else ''}."
        ]
        if self.assumed:
            lines.append(f"What that study did not search is taken as {', '.join(self.assumed)}.")
        if self.ignored:
            lines.append(
                f"What it searched and this one does not is ignored: {', '.join(sorted(self.ignored))}."
            )
        return lines

    def _fitted(self, trial: FrozenTrial) -> FrozenTrial | None:
        had = {key.lstrip("+") for key in values(trial.params)}
        fixed = self._fixed(trial)
        known = {key.lstrip("+"): value for key, value in values({**fixed, **trial.params}).items()}

        def read(key: str, distribution: BaseDistribution, value: Any) -> Any:
            return (converted if key in had else partial(self.points.read, key))(distribution, value)

        found = given(self.space, {**self.defaults, **known}, read)
        if why := self._why_fixed(trial) or self._why_not(found, known):
            self.left_out[why] += 1
            return None
        for key, value in values(found.params).items():
            if (key := key.lstrip("+")) not in had and key in {**self.defaults, **fixed}:
                why = "fixed" if key in fixed else "the default here"
                self.assumed[f"{to_overrides({key: value})[0]} ({why})"] = None
        self.ignored |= had - self.points.names.keys()
        distributions = {name: self.space.distributions[name] for name in found.params}
        return optuna.create_trial(
            state=trial.state,
            params=found.params,
            distributions=distributions,
            values=trial.values,
            intermediate_values=trial.intermediate_values,
            # of what it does not know it is taken to keep it
            constraints={line: trial.constraints.get(line, 0.0) for line in self.constraints},
        )

    def _why_fixed(self, trial: FrozenTrial) -> str | None:
        """Of one that had another value of what is fixed here."""
        for name, value in values(trial.params).items():
            if (key := name.lstrip("+")) not in self.fixed_here:
                continue
            fixed = self.fixed_here[key]
            try:
                own = trial.distributions.get(name)  # none of a list
                same = (self.points.read(key, own, fixed) if own else fixed) == value
            except ValueError:
                same = False
            if not same:
                return f"with another {key} than {to_overrides({key: fixed})[0]}, which is fixed here"
        return None

    def _why_not(self, found: Given, known: Mapping[str, Any]) -> str | None:
        names = self.points.names
        for name in self.space.missing(found.params):
            key = key_of(name, self.space.distributions).lstrip("+")
            if key in found.outside and key in known:
                return f"with {key} outside of {searched(self.space, names[key])}"
            return f"without {key}, which has no default here inside its range"
        return None

    def _fixed(self, trial: FrozenTrial) -> dict[str, Any]:
        """What was fixed when the trial was begun, by keys without their +."""
        of_then = [one["overrides"] for one in self.history if one["trials_ended"] <= trial.number]
        return _by_key(of_then[-1] if of_then else [])


def _is_measured(trial: FrozenTrial) -> bool:
    """Whether it tells of the space: one pruned before it reported may have been so by the machine's
    memory, or by a constraint of its own study."""
    was_pruned = trial.state == TrialState.PRUNED and trial.intermediate_values
    return bool(was_pruned) or trial.state == TrialState.COMPLETE


def _by_key(overrides: Sequence[str]) -> dict[str, Any]:
    """The values of overrides, by keys without their +."""
    parsed = [one for one in map(parse, overrides) if not one.is_delete()]
    return {one.get_key_element().lstrip("+"): one.value() for one in parsed}
