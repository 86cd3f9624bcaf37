"""Whether the pruner would have stopped the winner, had it come last."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.facts.hint import Hint
from hydra_sweep.facts.seen import Seen

# others that were at a step, fewer of which tell little
FEWEST = 8
# Behind half of those at its step the winner is no near miss by noise, whatever share goes on there.
LEAST_KEPT = 0.5
# what `hydra/sweeper/pruner=asha` has
ASHA = {"_target_": "optuna.pruners.SuccessiveHalvingPruner", "min_resource": 1, "reduction_factor": 3}


@dataclass(frozen=True)
class Bar:
    """Which steps a pruner judges at, and the share that goes on there."""

    judges: Callable[[int], bool]
    kept: float
    later: str  # the override that has it begin after a step


def pruner_hint(seen: Seen) -> Iterator[Hint]:
    """At a step at which the configured pruner judges, the winner was behind half or more of all that came
    there, and behind the share that the pruner lets go on: it went on because few had been there by then.
    Of a study without a pruner, what asha would have done is told."""
    node = seen.started_with.get("pruner") or {}
    name = str(node.get("_target_", "")).rpartition(".")[2]
    if len(seen.directions) > 1 or not seen.best:
        return
    is_used = any(trial.state == TrialState.PRUNED for trial in seen.trials)
    none = name == "NopPruner" or (not name and not is_used)
    bar = _bar(ASHA if none else node)
    winner = seen.best[0]
    behind = [
        (step, *_behind(seen, winner, step))
        for step in winner.intermediate_values
        if bar and bar.judges(step)
    ]
    missed = [
        (step, worse, n)
        for step, worse, n in behind
        if step < winner.last_step and n >= FEWEST and worse >= max(bar.kept, LEAST_KEPT) * n
    ]
    if not missed:
        return
    step, worse, n = missed[-1]
    where = f"At step {step} trial {winner.number} was behind {worse} of the {n} others that came there"
    if none:
        yield Hint(
            "pruner",
            "A pruner would have stopped the winner early",
            f"{where}: asha, say, lets a third go on. Prune from a later step, or not at all.",
            f"hydra/sweeper/pruner=asha hydra.sweeper.pruner.min_resource={3 * step}",
        )
    else:
        yield Hint(
            "pruner",
            f"{name} came close to stopping the winner",
            f"{where}, of which it stops {1 - bar.kept:.0%}: it went on because few had been there by "
            "then. Others like it may have been stopped. Have it begin later.",
            bar.later.format(after=step + 1),
        )


def _behind(seen: Seen, winner: FrozenTrial, step: int) -> tuple[int, int]:
    """How many of how many others were better at the step."""
    others = [
        t.intermediate_values[step]
        for t in seen.trials
        if t.number != winner.number and step in t.intermediate_values
    ]
    own, sign = winner.intermediate_values[step], -1 if seen.directions[0].name == "MAXIMIZE" else 1
    return sum(sign * other < sign * own for other in others), len(others)


def _bar(node: Mapping[str, Any]) -> Bar | None:
    """Of the pruners that compare trials at equal steps; None of others."""
    name = str(node.get("_target_", "")).rpartition(".")[2]
    if name == "PatientPruner":
        return _bar(node.get("wrapped_pruner") or {})
    if name in ("MedianPruner", "PercentilePruner"):
        warmup = node.get("n_warmup_steps") or 0
        kept = 0.5 if name == "MedianPruner" else node.get("percentile", 50) / 100
        return Bar(lambda step: step >= warmup, kept, "hydra.sweeper.pruner.n_warmup_steps={after}")
    if name in ("SuccessiveHalvingPruner", "HyperbandPruner"):
        factor = node.get("reduction_factor") or (4 if name.startswith("Succ") else 3)
        least = node.get("min_resource")
        rungs = {(least if isinstance(least, int) else 1) * factor**k for k in range(20)}
        return Bar(rungs.__contains__, 1 / factor, "hydra.sweeper.pruner.min_resource={after}")
    return None
