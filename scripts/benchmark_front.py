"""Accuracy against parameters: what the search's front is beside random configurations, trained alike.

    python scripts/benchmark_front.py [--trials 300] [--random 20] [trainer.max_epochs=2 …]
    python scripts/benchmark_front.py --smallest

Prints how many of the random ones a trial of the front dominates (as accurate and as small, and one of them
more so), and the hypervolumes of both fronts, in accuracy times the logarithm of the parameters, beyond the
worst of all; then the front.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.study.storage import StudyAddress

ROOT = Path(__file__).parents[1]
WITHOUT_LOGGER = "common/logger@logger=none"
SHORT = ["trainer.max_epochs=2", "+trainer.limit_train_batches=200", WITHOUT_LOGGER]
FEW = ["+trainer.limit_train_batches=5", "+trainer.limit_val_batches=2"]
SMALLEST = ["trainer.max_epochs=1", *FEW, WITHOUT_LOGGER]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=300, help="of the search")
    parser.add_argument("--random", type=int, default=20, help="configurations beside it")
    parser.add_argument("--seed", type=int, default=12345)
    parser.add_argument("--smallest", action="store_true", help="so that it is seen to work")
    args, overrides = parser.parse_known_args()
    n_searched, n_random = (4, 3) if args.smallest else (args.trials, args.random)
    overrides = [*(SMALLEST if args.smallest else SHORT), f"seed={args.seed}", *overrides]
    with tempfile.TemporaryDirectory() as folder:
        searched = sweep(Path(folder), "searched", n_searched, overrides)
        chance = ["hydra/sweeper/sampler=random", f"hydra.sweeper.seed={args.seed + 1}"]
        at_random = sweep(Path(folder), "random", n_random, [*overrides, *chance])
    report(np.array(searched), np.array(at_random))


def sweep(folder: Path, name: str, n_trials: int, overrides: list[str]) -> list[list[float]]:
    """The accuracy, and minus the logarithm of the parameters, of each trial."""
    command = [sys.executable, str(ROOT / "src/train.py"), "-m", "hparams_search=mnist_front", *overrides]
    own = [
        f"paths.log_dir={folder}",
        f"hydra.sweeper.study_name={name}",
        f"hydra.sweeper.n_trials={n_trials}",
    ]
    subprocess.run([*command, *own], check=True, stdout=subprocess.DEVNULL)
    trials = StudyAddress(name, folder / "train/multiruns" / name).load().trials
    assert all(map(keeps_its_constraint, trials)), f"{name}: trials were spent on what breaks a constraint"
    return [[trial.values[0], -np.log10(trial.values[1])] for trial in trials]


def keeps_its_constraint(trial: FrozenTrial) -> bool:
    return trial.state == TrialState.COMPLETE and all(by <= 0 for by in trial.constraints.values())


def report(searched: np.ndarray, at_random: np.ndarray) -> None:
    found, worst = front(searched), np.vstack([searched, at_random]).min(axis=0)
    n = sum(any(dominates(one, other) for one in found) for other in at_random)
    n_back = sum(any(dominates(one, other) for one in at_random) for other in found)
    print(f"{len(searched)} trials searched, {len(at_random)} at random; none breaks the constraint.")
    print(
        f"The front of {len(found)} dominates {n} of the {len(at_random)}, which dominate {n_back} of it."
    )
    volumes = hypervolume(found, worst), hypervolume(front(at_random), worst)
    print(f"Hypervolume {volumes[0]:.4f}, of the random ones {volumes[1]:.4f}.")
    for accuracy, size in found:
        print(f"  {accuracy:.4f}  {10**-size:.0f} parameters")


def dominates(one: np.ndarray, other: np.ndarray) -> bool:
    return bool((one >= other).all() and (one > other).any())


def front(points: np.ndarray) -> np.ndarray:
    """Those that none dominates, each once, the smallest net first."""
    unique = np.unique(points, axis=0)
    kept = [one for one in unique if not any(dominates(other, one) for other in unique)]
    return np.array(sorted(kept, key=lambda one: -one[1]))


def hypervolume(points: np.ndarray, worst: np.ndarray) -> float:
    """Of a front, beyond the worst point."""
    volume, least = 0.0, worst[0]
    for accuracy, size in points:
        volume += (accuracy - least) * (size - worst[1])
        least = accuracy
    return float(volume)


if __name__ == "__main__":
    main()
