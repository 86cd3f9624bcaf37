"""What a reader should know that the numbers alone do not say. There is none in a healthy study."""

import math
import shlex
from collections.abc import Iterator, Sequence
from copy import copy

from optuna.distributions import BaseDistribution, CategoricalDistribution

from hydra_sweep.facts.hint import Hint
from hydra_sweep.facts.importance import Importance
from hydra_sweep.facts.noise import lead, noise
from hydra_sweep.facts.pruner_hint import pruner_hint
from hydra_sweep.facts.seen import Seen, is_judged, is_result, label
from hydra_sweep.facts.timeline import Timeline
from hydra_sweep.report.words import clock, counted
from hydra_sweep.space.grammar import to_grammar, to_overrides
from hydra_sweep.space.text import scalar

# what chance would bring in less than one of so many studies is told
CHANCE = 0.01
# the share of a range, on its scale, that is its edge; and of the best that lie there
EDGE, AT_EDGE = 0.05, 0.75
# the best that are looked at: a tenth, and at least so many
TOP, FEWEST_TOP = 0.1, 4
# the share of all that matters below which a parameter does not, in all but one of twenty draws
UNIMPORTANT, FEWEST_FOR_UNIMPORTANT = 0.05, 30
# the share of the slots' time, and the seconds in all, from which waiting is told
WAITED, WAITED_S = 0.2, 60.0


def hints(seen: Seen, important: Sequence[Importance], lanes: Timeline) -> list[Hint]:
    """The weightier first."""
    found = [*_noise(seen), *_edges(seen), *pruner_hint(seen)]
    return [*found, *_choices(seen), *_unimportant(seen, important), *_idle(lanes)]


def _noise(seen: Seen) -> Iterator[Hint]:
    """The best leads by less than a difference between two trainings of one configuration usually is (its
    standard deviation): which of the two is better is a coin's toss."""
    ahead = lead(seen) if len(seen.directions) == 1 and seen.best else None
    if ahead is None or not (found := noise(seen)) or ahead >= found.of_difference:
        return
    within = [t.number for t in seen.best if abs(t.value - seen.best[0].value) < 2 * found.of_difference]
    few = ", ".join(map(str, within[:8])) + (" …" if len(within) > 8 else "")
    yield Hint(
        "noise",
        "The best may be so by luck",
        f"Trial {seen.best[0].number} leads by {ahead:.3g}, and values are known to ±{found.sd:.2g} only "
        f"({found.source}). {len(within)} trials are within that: {few}. Train them with several seeds.",
        None,
    )


def _edges(seen: Seen) -> Iterator[Hint]:
    """The best trial and most of the best tenth lie in the outer twentieth of a range, on its scale, at one
    end: too many for chance (binomial, one in a hundred). Nothing is said of an end that is a natural one:
    0, or 1 of a range from 0."""
    if len(seen.directions) > 1:
        return
    n = max(FEWEST_TOP, math.ceil(TOP * len(seen.best)))
    if len(seen.best) < 2 * n:
        return
    for name, one in seen.distributions.items():
        top = [trial.params[name] for trial in seen.best[:n] if name in trial.params]
        if isinstance(one, CategoricalDistribution) or one.single() or len(top) < FEWEST_TOP:
            continue
        share = max(EDGE, 1 / _n_values(one))
        places = [_place(one, value) for value in top]
        for end, of_end in ((one.low, places), (one.high, [1 - place for place in places])):
            at_edge = [place <= EDGE for place in of_end]
            is_natural = end == 0 or (end == 1 and one.low == 0)
            if is_natural or name not in seen.best[0].params or not at_edge[0]:
                continue
            if sum(at_edge) >= AT_EDGE * len(at_edge) and _tail(sum(at_edge), len(top), share) < CHANCE:
                short, side = label(name, seen.distributions), "low" if end == one.low else "high"
                yield Hint(
                    "edge",
                    f"Better values of {short} may lie beyond its range",
                    f"{sum(at_edge)} of the {len(top)} best trials, the best among them, have it at the "
                    f"{side} end, {end:g}. Search further there: the same sweep takes a wider range.",
                    _wider(seen, name, one, end),
                )


def _choices(seen: Seen) -> Iterator[Hint]:
    """None of a choice's trials is in the better half: too many for chance, as many choices as there are
    (hypergeometric, Bonferroni). Those that were pruned are in the worse one."""
    if len(seen.directions) > 1:
        return
    judged = [trial for trial in seen.trials if is_judged(trial) and trial.params]
    better = {trial.number for trial in seen.best[: len(judged) // 2]}
    for name, one in seen.distributions.items():
        if not isinstance(one, CategoricalDistribution) or len(one.choices) < 2:
            continue
        having = [trial for trial in judged if name in trial.params]
        n_better = sum(trial.number in better for trial in having)
        never = []
        for choice in one.choices:
            of_choice = [trial for trial in having if scalar(trial.params[name]) == scalar(choice)]
            if any(trial.number in better for trial in of_choice):
                continue
            if _none_of(len(of_choice), n_better, len(having)) < 5 * CHANCE / len(one.choices):
                never.append((choice, len(of_choice)))
        good = [choice for choice in one.choices if choice not in [bad for bad, _ in never]]
        if never and good:
            listed = ", ".join(f"{scalar(choice)} ({n} trials)" for choice, n in never)
            key = label(name, seen.distributions)
            line = f"{name}={to_grammar(CategoricalDistribution(good))}"
            yield Hint(
                "choice",
                f"{key}={scalar(never[0][0])} was never good",
                f"None of its trials is in the better half: {listed}. Without it the same budget tries "
                f"more of the others, in a study of its own.",
                f"{shlex.quote(line)} hydra.sweeper.study=new",
            )


def _unimportant(seen: Seen, important: Sequence[Importance]) -> Iterator[Hint]:
    """The upper end of a parameter's importance is below a twentieth (facts/importance.py), of thirty
    trials or more."""
    if sum(map(is_result, seen.trials)) < FEWEST_FOR_UNIMPORTANT or not seen.best:
        return
    idle = [one.name for one in important if one.high < UNIMPORTANT]
    if not idle:
        return
    names = ", ".join(label(name, seen.distributions) for name in idle)
    params = {name: seen.best[0].params[name] for name in idle if name in seen.best[0].params}
    fixed = shlex.join(to_overrides(params))
    yield Hint(
        "unimportant",
        f"{names} {'does' if len(idle) == 1 else 'do'} not matter here",
        f"The best trials have any value of {'it' if len(idle) == 1 else 'them'}: less than "
        f"{UNIMPORTANT:.0%} of what matters is theirs. Fixed, a study of its own has fewer to search.",
        f"{fixed} hydra.sweeper.study=new" if fixed else None,
    )


def _idle(lanes: Timeline) -> Iterator[Hint]:
    """Between its first attempt and its worker's end a slot had nothing to train in a fifth of the time, a
    minute in all."""
    if (busy := lanes.busy) is None or 1 - busy < WAITED or lanes.idle_s < WAITED_S:
        return
    n = len({worker for worker, _ in lanes.lanes})
    yield Hint(
        "idle",
        f"Workers waited in {1 - busy:.0%} of their time",
        f"{clock(lanes.idle_s)} of the slots of {counted(n, 'worker')} went by without a trial. Are trials "
        "so short that the sampler takes as long, or are there more slots than trials at the end?",
        None,
    )


def _place(one: BaseDistribution, value: float) -> float:
    """From 0 at the low end to 1 at the high one, on the distribution's scale."""
    low, high = (math.log(end) if one.log else end for end in (one.low, one.high))
    return ((math.log(value) if one.log else value) - low) / (high - low)


def _n_values(one: BaseDistribution) -> float:
    return (one.high - one.low) / one.step + 1 if one.step and not one.log else math.inf


def _tail(at_least: int, n: int, share: float) -> float:
    """The chance of so many of n."""
    return sum(math.comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(at_least, n + 1))


def _none_of(drawn: int, marked: int, n: int) -> float:
    """The chance that none of those drawn is marked, of n."""
    return math.comb(n - marked, drawn) / math.comb(n, drawn) if n else 1.0


def _wider(seen: Seen, name: str, one: BaseDistribution, end: float) -> str | None:
    """The override of a range that reaches as far again, or ten times on a logarithmic scale; None where
    the words of the range are not those of two numbers."""
    words = seen.attrs.get("space", {}).get(name, "")
    if "${" in words or " when " in words or not words.startswith(("interval", "int", "tag")):
        return None
    wider = copy(one)
    by = 10 if one.log else one.high - one.low
    if end == one.low:
        wider.low = type(one.low)(max(1, end // by) if one.log and isinstance(end, int) else _down(one, by))
    else:
        wider.high = end * by if one.log else end + by
    return shlex.quote(f"{name}={to_grammar(wider, is_pow2=words.startswith('tag(pow2'))}")


def _down(one: BaseDistribution, by: float) -> float:
    """A range of positive numbers stays one."""
    if one.log:
        return float(f"{one.low / by:.6g}")
    return max(0, one.low - by) if one.low > 0 else one.low - by
