"""What a reader should know that the numbers alone do not say. There is none in a healthy study."""

import math
import shlex
from collections.abc import Iterator, Sequence
from copy import copy
from statistics import median

from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import FrozenTrial

from hydra_sweep.facts.hint import Hint
from hydra_sweep.facts.importance import Importance
from hydra_sweep.facts.noise import lead, noise, to_confirm
from hydra_sweep.facts.pruner_hint import pruner_hint
from hydra_sweep.facts.seen import Seen, is_judged, is_result, label
from hydra_sweep.facts.timeline import Timeline
from hydra_sweep.report.words import clock, counted
from hydra_sweep.space.grammar import to_grammar, to_overrides
from hydra_sweep.space.text import scalar

# what chance would bring in less than one of so many studies is told
CHANCE = 0.01
# the share of a range, on its scale, in which the best lies, and in which most of the best do: so many
EDGE, WIDE_EDGE, AT_EDGE = 0.05, 0.1, 0.75
# the best that are looked at: a twentieth, and at least so many
TOP, FEWEST_TOP = 0.05, 4
# trials before and after one that are its contemporaries
AROUND = 8
# the share of all that matters below which a parameter does not, in all but one of twenty draws
UNIMPORTANT, FEWEST_FOR_UNIMPORTANT = 0.05, 30
# the part of its range that the best have values from then
SPREAD = 0.5
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
        to_confirm(seen, len(within)),
    )


def _edges(seen: Seen) -> Iterator[Hint]:
    """The best trial lies in the outer twentieth of a range, on its scale, and most of the best in the
    outer tenth there: too many for chance (binomial, one in a hundred). Nothing is said of an end that is
    a natural one: 0, or 1 of a range from 0."""
    best = seen.best[: max(FEWEST_TOP, math.ceil(TOP * len(seen.best)))]
    if len(seen.directions) > 1 or len(seen.best) < 2 * FEWEST_TOP:
        return
    for name, one in seen.distributions.items():
        values = [trial.params[name] for trial in best if name in trial.params]
        if isinstance(one, CategoricalDistribution) or one.single() or len(values) < len(best):
            continue
        places = [_place(one, value) for value in values]
        for end, of_end in ((one.low, places), (one.high, [1 - place for place in places])):
            n = sum(place <= WIDE_EDGE for place in of_end)
            is_natural = end == 0 or (end == 1 and one.low == 0)
            if is_natural or of_end[0] > EDGE or n < AT_EDGE * len(best):
                continue
            if _tail(n, len(best), max(WIDE_EDGE, 1 / _n_values(one))) < CHANCE:
                side = "low" if end == one.low else "high"
                yield Hint(
                    "edge",
                    f"Better values of {label(name, seen.distributions)} may lie beyond its range",
                    f"{n} of the {len(best)} best trials, the best among them, have it at the {side} end, "
                    f"{end:g}. Search further there: the same sweep takes a wider range.",
                    _wider(seen, name, one, end),
                )


def _choices(seen: Seen) -> Iterator[Hint]:
    """None of a choice's trials is in the better half of its contemporaries, too many for chance (a sign
    test, Bonferroni for as many choices as there are). Contemporaries, because a sampler's later trials are
    better than its first, whatever it has left out since. What was pruned is in the worse half."""
    if len(seen.directions) > 1:
        return
    better = _better_half(seen)
    for name, one in seen.distributions.items():
        if not isinstance(one, CategoricalDistribution) or len(one.choices) < 2:
            continue
        having = [t for t in seen.trials if t.number in better and name in t.params]
        share = sum(better[trial.number] for trial in having) / max(1, len(having))
        never = {}
        for choice in one.choices:
            of_choice = [better[t.number] for t in having if scalar(t.params[name]) == scalar(choice)]
            if not any(of_choice) and (1 - share) ** len(of_choice) < 5 * CHANCE / len(one.choices):
                never[scalar(choice)] = len(of_choice)
        good = [choice for choice in one.choices if scalar(choice) not in never]
        if never and good:
            listed = ", ".join(f"{choice} ({counted(n, 'trial')})" for choice, n in never.items())
            line = f"{name}={to_grammar(CategoricalDistribution(good))}"
            yield Hint(
                "choice",
                f"{label(name, seen.distributions)}={next(iter(never))} was never good",
                f"None of its trials was in the better half of those at about the same time: {listed}. "
                "Without it the same budget tries more of the others, in a study of its own.",
                f"{shlex.quote(line)} hydra.sweeper.study=new",
            )


def _better_half(seen: Seen) -> dict[int, bool]:
    """Of each trial that says how good it is, whether it is better than the median of those that came about
    when it did."""
    judged = [trial for trial in seen.trials if is_judged(trial) and trial.params]
    results = [trial for trial in judged if is_result(trial)]
    loss = dict(zip((trial.number for trial in results), seen.losses(results), strict=True))
    losses = [loss.get(trial.number, math.inf) for trial in judged]
    around = [losses[max(0, i - AROUND) : i + AROUND + 1] for i in range(len(losses))]
    pairs = zip(judged, losses, around, strict=True)
    return {trial.number: own < median(others) for trial, own, others in pairs}


def _unimportant(seen: Seen, important: Sequence[Importance]) -> Iterator[Hint]:
    """The upper end of a parameter's importance is below a twentieth (facts/importance.py), of thirty
    trials or more, and the best have values from all over its range: else the sampler may have kept to
    what is good, so that the best have what all have."""
    if sum(map(is_result, seen.trials)) < FEWEST_FOR_UNIMPORTANT or not seen.best:
        return
    top = seen.best[: max(2 * FEWEST_TOP, math.ceil(2 * TOP * len(seen.best)))]
    idle = [one.name for one in important if one.high < UNIMPORTANT and _is_spread(seen, one.name, top)]
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


def _is_spread(seen: Seen, name: str, trials: Sequence[FrozenTrial]) -> bool:
    one, values = seen.distributions[name], [trial.params[name] for trial in trials if name in trial.params]
    if isinstance(one, CategoricalDistribution):
        return len(set(map(scalar, values))) > len(one.choices) / 2
    places = [_place(one, value) for value in values]
    return bool(places) and max(places) - min(places) > SPREAD


def _n_values(one: BaseDistribution) -> float:
    return (one.high - one.low) / one.step + 1 if one.step and not one.log else math.inf


def _tail(at_least: int, n: int, share: float) -> float:
    """The chance of so many of n."""
    return sum(math.comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(at_least, n + 1))


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
