"""A grid's points, but for those that are known to break a constraint: these are to be no trials."""

from typing import Any

from hydra_sweep.errors import SweepError, one_line
from hydra_sweep.processes import in_fork
from hydra_sweep.report.words import counted
from hydra_sweep.space.compose import Composer
from hydra_sweep.space.grammar import to_overrides
from hydra_sweep.sweep import Sweep
from hydra_sweep.worker.known import Known

Points = list[dict[str, Any]]


def feasible(sweep: Sweep, points: Points | None) -> tuple[Points | None, str | None]:
    """The points, and what there is to say of those left out; None: nothing. Of more than `n_trials`, which
    come first, those behind are not looked at. Raises SweepError where none is left, or a measure fails."""
    if not points or not sweep.constraints:
        return points, None
    try:
        # of its own process: measures may import what is heavy
        broken = in_fork(_broken, sweep, points)
    except Exception as error:  # of the user's function
        said = f"{type(error).__name__}: {one_line(error)}"
        raise SweepError(f"hydra.sweeper.measures: {said}") from error
    looked_at, behind = points[: len(broken)], points[len(broken) :]
    left = [point for point, words in zip(looked_at, broken, strict=True) if not words] + behind
    if not left:
        first = " ".join(to_overrides(points[0]))
        raise SweepError(
            f"hydra.sweeper.constraints: none of the grid's {counted(len(points), 'point')} keeps them; "
            f"{first} breaks {broken[0]}."
        )
    n, of = len(points) - len(left), f"Of the grid's {len(points)} points"
    if behind:
        of = f"Of the first {len(looked_at)} of the grid's {len(points)} points"
    return left, f"{of} {n} break a constraint, and are left out." if n else None


def _broken(sweep: Sweep, points: Points) -> list[str]:
    """Of each point the constraints that it is known to break, in words, until `n_trials` break none."""
    loader, fixed = sweep.hydra_context.config_loader, sweep.space.fixed
    known = Known(sweep, Composer(loader, sweep.config, fixed, to_overrides(points[0])))
    broken: list[str] = []
    n_left = sweep.settings.n_trials
    for point in points:
        if not n_left:
            break
        words = [f"{text} by {by:.3g}" for text, by in known.distances(point).items() if by > 0]
        n_left -= not words
        broken.append(", ".join(words))
    return broken
