"""Whether the pruner would have stopped the winner, had it come last."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import gt, lt
from typing import Any

from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.facts.hint import Hint
from hydra_sweep.facts.seen import Seen
from hydra_sweep.report.words import counted

# others that were at a step, fewer of which tell little; and fewer of which no pruner should heed
FEWEST, FEW = 8, 3
# Behind half of those at its step the winner is no near miss by noise, whatever share goes on there.
LEAST_KEPT = 0.5
# A pruner that begins in the last part of a training saves next to nothing.
LATE = 0.75
# what `hydra/sweeper/pruner=asha` has
ASHA = {"_target_": "hydra_sweep.pruners.AshaPruner", "min_resource": 1, "reduction_factor": 3}


@dataclass(frozen=True)
class Bar:
    """Which steps a pruner judges at, and the share that goes on there."""

    judges: Callable[[int], bool]
    kept: float
    later: str  # the override that has it begin after a step


def pruner_hint(seen: Seen) -> Iterator[Hint]:
    """At a step at which the configured pruner judges, the winner was behind half or more of all that came
    there, and behind the share that the pruner lets go on: it went on because few had been there by then.
    The pruner is to begin after the last step at which it was so far behind. Of a study without a pruner,
    what asha would have done is told."""
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
        if step < winner.last_step and n >= FEW and worse >= max(bar.kept, LEAST_KEPT) * n
    ]
    told = [one for one in missed if one[-1] >= FEWEST]
    if not told:
        return
    step, worse, n = told[-1]
    where = f"At {seen.unit} {step} trial {winner.number} was behind {worse} of the {n} others there"
    if none:
        yield Hint(
            "pruner",
            "A pruner would have stopped the winner early",
            f"{where}: asha, say, lets a third go on. Prune later, or not at all.",
            f"hydra/sweeper/pruner=asha hydra.sweeper.pruner.min_resource={3 * step}",
        )
        return
    after = missed[-1][0] + 1
    is_late = after >= LATE * winner.last_step
    yield Hint(
        "pruner",
        f"{name} came close to stopping the winner",
        f"{where}. The pruner lets {bar.kept:.0%} of them go on: this one, because few had come there "
        f"before. {_stopped(seen, winner, step)}{'Prune nothing' if is_late else 'Have it begin later'}.",
        "hydra/sweeper/pruner=none" if is_late else bar.later.format(after=after),
    )


def _stopped(seen: Seen, winner: FrozenTrial, step: int) -> str:
    """Who was better at the step and was stopped there, in a sentence."""
    there = [t for t in seen.trials if t.state == TrialState.PRUNED and t.last_step == step]
    ahead = [str(t.number) for t in there if _is_better(seen, t, winner, step)]
    if not ahead:
        return ""
    few = ", ".join(ahead[:8]) + (" …" if len(ahead) > 8 else "")
    were = "was" if len(ahead) == 1 else "were"
    return f"{counted(len(ahead), 'trial')} that {were} ahead of it there came no further: {few}. "


def _behind(seen: Seen, winner: FrozenTrial, step: int) -> tuple[int, int]:
    """How many of how many others were better at the step."""
    others = [t for t in seen.trials if t.number != winner.number and step in t.intermediate_values]
    return sum(_is_better(seen, other, winner, step) for other in others), len(others)


def _is_better(seen: Seen, other: FrozenTrial, winner: FrozenTrial, step: int) -> bool:
    values = other.intermediate_values[step], winner.intermediate_values[step]
    return gt(*values) if seen.directions[0] == StudyDirection.MAXIMIZE else lt(*values)


def _bar(node: Mapping[str, Any]) -> Bar | None:
    """Of the pruners that compare trials at equal steps; None of others."""
    name = str(node.get("_target_", "")).rpartition(".")[2]
    if name == "PatientPruner":
        return _bar(node.get("wrapped_pruner") or {})
    if name in ("MedianPruner", "PercentilePruner"):
        warmup = node.get("n_warmup_steps") or 0
        kept = 0.5 if name == "MedianPruner" else node.get("percentile", 50) / 100
        return Bar(lambda step: step >= warmup, kept, "hydra.sweeper.pruner.n_warmup_steps={after}")
    if name in ("AshaPruner", "SuccessiveHalvingPruner", "HyperbandPruner"):
        factor = node.get("reduction_factor") or (4 if name.startswith("Succ") else 3)
        least = node.get("min_resource")
        rungs = {(least if isinstance(least, int) else 1) * factor**k for k in range(20)}
        return Bar(rungs.__contains__, 1 / factor, "hydra.sweeper.pruner.min_resource={after}")
    return None
