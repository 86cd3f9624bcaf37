"""Which parameters matter, and how sure that is."""

import math
import warnings
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.facts.seen import Seen, is_judged, is_result
from hydra_sweep.study.importance import optuna_importance
from hydra_sweep.study.sweep_study import SweepStudy

# trials below which nothing is said; and the most that are looked at, drawn at random
FEWEST, MOST = 12, 1000
# the best share whose parameters are compared with all, and the fewest that make it up (Optuna's advice)
TOP, FEWEST_TOP = 0.1, 5
# draws for the uncertainty, and trials in all of them: it is to take about a second
DRAWS, DRAWN = 40, 12_000
# of the draws' shares, the part that is told
LOW, HIGH = 5, 95
# a study of several objectives ranks its trials by dominance, at a cost that grows with their square
MOST_RANKED = 200


@dataclass(frozen=True)
class Importance:
    """A parameter's share of what matters, and the 5th and 95th percentile of it."""

    name: str
    value: float
    low: float
    high: float


def importance(seen: Seen) -> tuple[list[Importance], str]:
    """The most important first, and what they are in words, or why there are none.

    PED-ANOVA (Watanabe et al. 2023, arXiv:2304.10255; for conditional parameters arXiv:2601.20800): how far
    the distribution of a parameter among the best tenth is from that among all. It asks of a trial only
    whether it is of the best tenth. So trials that a pruner stopped, that came to no finite number or that
    break a constraint are counted in, as ones that are not: to leave them out would compare the best with
    the survivors only.

    The uncertainty is by bootstrap over trials (Efron 1979): what other trials of the same sampler may have
    shown. It does not tell of values that were never tried.
    """
    several = len(seen.directions) > 1
    results = [trial for trial in seen.trials if is_result(trial)]
    # Optuna prunes no study of several objectives; what broke a constraint has no place among its ranks
    others = [] if several else [t for t in seen.trials if is_judged(t) and not is_result(t) and t.params]
    known = [*results, *others]
    names = {name for trial in known for name, one in trial.distributions.items() if not one.single()}
    if len(names) < 2:
        return (
            [],
            "One parameter was searched: all that matters is its." if names else "Nothing was searched.",
        )
    if len(results) < FEWEST:
        return [], f"Too few trials to tell: {len(results)} with a result, of at least {FEWEST}."
    rng = np.random.default_rng(0)
    if len(known) > (most := MOST_RANKED if several else MOST):
        known = [known[i] for i in rng.choice(len(known), most, replace=False)]
    prepared = known if several else _ranked(seen, known)
    shares = _shares(seen.study, prepared, several)
    if not shares:
        return [], "The best trials are spread as all are: nothing can be told apart."
    draws = [
        drawn
        for _ in range(max(10, min(DRAWS, DRAWN // len(prepared))))
        if (drawn := _shares(seen.study, _drawn(prepared, rng), several))
    ]
    found = [_with_spread(name, shares, draws) for name in shares]
    pruned = f", {len(others)} of them without a result" if others else ""
    note = (
        f"PED-ANOVA of {len(known)} trials{pruned}: how far each parameter's values among the best "
        f"are from those of all, as a share. The bars hold 90 % of {len(draws)} draws of as many trials."
    )
    return sorted(found, key=lambda one: -one.value), note


def _ranked(seen: Seen, trials: list[FrozenTrial]) -> list[FrozenTrial]:
    """Copies whose value, to be minimised, is the rank; the worst where there is none. PED-ANOVA looks at
    the order only, and so no value is too large for it."""
    results = [trial for trial in trials if is_result(trial)]
    order = np.argsort(seen.losses(results), kind="stable")
    rank = {results[i].number: float(place) for place, i in enumerate(order)}
    return [_valued(trial, rank.get(trial.number, float(len(trials)))) for trial in trials]


def _valued(trial: FrozenTrial, value: float) -> FrozenTrial:
    made = copy(trial)
    made.state, made.values = TrialState.COMPLETE, [value]
    return made


def _drawn(trials: list[FrozenTrial], rng: np.random.Generator) -> list[FrozenTrial]:
    return [trials[i] for i in rng.integers(len(trials), size=len(trials))]


def _shares(study: optuna.Study, trials: list[FrozenTrial], several: bool) -> dict[str, float]:
    """Of each parameter that varies; empty where they are all 0."""
    shown: Any = SweepStudy.__new__(SweepStudy)
    shown.__dict__.update(study.__dict__)
    shown.shown = trials
    if not several:
        shown._directions = [optuna.study.StudyDirection.MINIMIZE]
    n_results = len(trials) if several else sum(t.value < len(trials) for t in trials)
    # no more than half of those that could be the best, or the worst of all would be among them
    top = min(max(FEWEST_TOP, math.ceil(TOP * len(trials))), n_results // 2)
    if not top:
        return {}
    names = {name for trial in trials for name, one in trial.distributions.items() if not one.single()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of few trials, which is told
        evaluator = optuna_importance().PedAnovaImportanceEvaluator(target_quantile=top / len(trials))
        found = evaluator.evaluate(shown, sorted(names))
    total = sum(found.values())
    return {name: value / total for name, value in found.items()} if total > 0 else {}


def _with_spread(name: str, shares: dict[str, float], draws: list[dict[str, float]]) -> Importance:
    drawn = [draw.get(name, 0.0) for draw in draws] or [shares[name]]
    low, high = np.percentile(drawn, [LOW, HIGH])
    value = shares[name]
    return Importance(name, value, float(min(low, value)), float(max(high, value)))
