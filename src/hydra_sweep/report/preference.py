"""Which of a Pareto front is the one: `hydra.sweeper.prefer`."""

import math
from collections.abc import Iterable, Mapping, Sequence

import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from hydra_sweep.errors import SweepError, unknown
from hydra_sweep.report.words import metric_names, metrics_of
from hydra_sweep.study.best import best_first
from hydra_sweep.study.starts import STARTS
from hydra_sweep.sweep import Sweep


def preferred_first(
    front: list[FrozenTrial],
    directions: Sequence[StudyDirection],
    metrics: Sequence[str],
    prefer: Mapping[str, float] | Sequence[str] | None,
) -> list[FrozenTrial]:
    """The front in the order of preference.

    An order of metrics: by the first of them, then by the next. Weights: by the weighted sum of what each
    metric lacks of the front's best, as a share of what the front spans of it (the weighted sum method,
    normalised: Marler and Arora 2010, doi:10.1007/s00158-009-0460-7). None: all weigh alike.
    """
    losses = [_losses(trial, directions) for trial in front]
    if prefer is not None and not isinstance(prefer, Mapping):
        order = [metrics.index(name) for name in prefer]
        keys = [tuple(loss[i] for i in order) for loss in losses]
    else:
        weights = [prefer.get(name, 0) if prefer else 1 for name in metrics]
        spans = [(min(column), max(column)) for column in zip(*losses, strict=True)]
        keys = [
            sum(
                weight * (one - low) / (high - low or 1)
                for weight, one, (low, high) in zip(weights, loss, spans, strict=True)
            )
            for loss in losses
        ]
    ranked = sorted(zip(keys, range(len(front)), strict=True))
    return [front[i] for _, i in ranked]


def best_known(study: optuna.Study, trials: Iterable[FrozenTrial]) -> list[FrozenTrial]:
    """The best first, for who has no sweep's configuration: of several objectives the front, as the last
    start has preferred it."""
    best, metrics = best_first(trials, study.directions), metrics_of(study)
    if len(metrics) == 1:
        return best
    prefer = study.user_attrs.get(STARTS, [{}])[-1].get("prefer")
    is_known = all(name in metrics for name in prefer or ())
    return preferred_first(best, study.directions, metrics, prefer if is_known else None)


def check_preference(sweep: Sweep) -> None:
    """Raises SweepError where `hydra.sweeper.prefer` is neither weights nor an order of the metrics."""
    if (prefer := sweep.settings.prefer) is None:
        return
    metrics = metric_names(sweep)
    if len(metrics) == 1:
        raise SweepError("hydra.sweeper.prefer: expected several metrics to choose from, got one.")
    if not isinstance(prefer, dict | list) or not prefer:
        raise SweepError(
            f"hydra.sweeper.prefer: expected weights such as {{{metrics[0]}: 2, {metrics[1]}: 1}}, or an "
            f"order such as [{', '.join(metrics)}], got {prefer!r}."
        )
    if wrong := [name for name in prefer if name not in metrics]:
        raise unknown("metric in hydra.sweeper.prefer", str(wrong[0]), metrics)
    for name, weight in prefer.items() if isinstance(prefer, dict) else ():
        if not isinstance(weight, int | float) or not 0 < weight < math.inf:
            raise SweepError(f"hydra.sweeper.prefer.{name}: expected a number above 0, got {weight!r}.")


def ends_of(front: Sequence[FrozenTrial], directions: Sequence[StudyDirection]) -> list[FrozenTrial]:
    """For each objective the trial that is best in it."""
    return [min(front, key=lambda t: _losses(t, directions)[i]) for i in range(len(directions))]


def _losses(trial: FrozenTrial, directions: Sequence[StudyDirection]) -> list[float]:
    maximize = [direction == StudyDirection.MAXIMIZE for direction in directions]
    return [-value if up else value for value, up in zip(trial.values, maximize, strict=True)]
