"""`hydra.sweeper.warm_start`: what earlier studies found, for the sampler of this one.

Nothing of it is written into this study: it is read anew at each start, and travels to the workers.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.checks.resumed_study import differing_results
from hydra_sweep.errors import SweepError
from hydra_sweep.report.words import counted
from hydra_sweep.space.grammar import SearchSpace, to_grammar, to_overrides
from hydra_sweep.space.text import parse
from hydra_sweep.space.values import converted, read
from hydra_sweep.study.found import study_of_folder
from hydra_sweep.study.storage import StudyAddress, absolute
from hydra_sweep.sweep import Sweep

KEY = "hydra.sweeper.warm_start"


def earlier_trials(
    sweep: Sweep, defaults: Callable[[], Mapping[str, Any]]
) -> tuple[tuple[FrozenTrial, ...], list[str]]:
    """The complete trials of the earlier studies that fit this space, as of it, and what there is to say of
    them. `defaults` is called for what the configuration has for the searched keys.

    Raises SweepError where a study is not there, has other metrics, or nothing that fits.
    """
    trials: list[FrozenTrial] = []
    lines: list[str] = []
    if sweep.settings.warm_start:
        known = defaults()
        for item in sweep.settings.warm_start:
            found = _Fitting(_load(item, sweep), sweep.space, known)
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
    """The trials of a study that fit a space."""

    def __init__(self, study: optuna.Study, space: SearchSpace, defaults: Mapping[str, Any]) -> None:
        self.study = study
        self.space = space
        self.defaults = defaults
        self.history = study.user_attrs.get("overrides", [])
        self.left_out: Counter[str] = Counter()
        self.assumed: dict[str, None] = {}  # in order, each once
        self.ignored: set[str] = set()
        complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        self.n = len(complete)
        self.trials: list[FrozenTrial] = []
        for trial in complete:
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
        had = {name.lstrip("+"): value for name, value in trial.params.items()}
        fixed = self._fixed(trial)
        params, assumed = {}, []
        for name, distribution in self.space.distributions.items():
            key = name.lstrip("+")
            try:
                if key in had:
                    params[name] = converted(distribution, had[key])
                elif key in fixed:
                    params[name] = read(distribution, fixed[key])
                    assumed.append(f"{to_overrides({key: params[name]})[0]} (fixed)")
                elif name in self.defaults:
                    params[name] = self.defaults[name]
                    assumed.append(f"{to_overrides({key: params[name]})[0]} (the default here)")
                else:
                    self.left_out[f"without {key}, which has no default here inside its range"] += 1
                    return None
            except ValueError:
                self.left_out[f"with {key} outside of {to_grammar(distribution)}"] += 1
                return None
        self.assumed |= dict.fromkeys(assumed)
        self.ignored |= had.keys() - {name.lstrip("+") for name in params}
        distributions = {name: self.space.distributions[name] for name in params}
        return optuna.create_trial(
            params=params, distributions=distributions, values=list(map(float, trial.values))
        )

    def _fixed(self, trial: FrozenTrial) -> dict[str, Any]:
        """What was fixed when the trial was begun, by keys without their +."""
        of_then = [one["overrides"] for one in self.history if one["trials_ended"] <= trial.number]
        parsed = map(parse, of_then[-1] if of_then else [])
        return {one.get_key_element().lstrip("+"): one.value() for one in parsed}
