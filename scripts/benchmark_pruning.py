"""What successive halving saves, and costs: the MNIST search unpruned, with asha, and with promotion.

    python scripts/benchmark_pruning.py [--seeds 5] [--trials 20] [--json FILE] [other overrides]
    python scripts/benchmark_pruning.py --sampler tpe
    python scripts/benchmark_pruning.py --smallest

Configurations are drawn at random, so that all three have the same, and differ by what the pruner does:
other samplers learn something else from what was pruned. For each seed, of sampler and trainings, prints
the epochs that were trained, their share of the unpruned search's, the best value, and by how many points
of a hundred it is less than that one's. Prints markdown where there is no terminal.

Trainings are of 18 epochs, with rungs after a ninth and a third of them.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import mean
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table

from hydra_sweep.study.storage import StudyAddress

ROOT = Path(__file__).resolve().parents[1]
UNPRUNED = "none"
ASHA = ["hydra/sweeper/pruner=asha", "hydra.sweeper.pruner.min_resource=2"]
WAYS = {
    UNPRUNED: ["hydra/sweeper/pruner=none"],
    "asha": ASHA,
    "asha, promote": [*ASHA, "hydra.sweeper.pruner.promote=true"],
}
EPOCHS = "trainer.max_epochs=18"
SMALLEST = ["trainer.max_epochs=3", "+trainer.limit_train_batches=20", "+trainer.limit_val_batches=5"]
AIM = "The aim: at most 0.1 points behind with 40 % of the epochs, where trials are promoted with 35 %"


class Found(NamedTuple):
    epochs: int
    best: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="searches of each kind")
    parser.add_argument("--trials", type=int, default=20, help="of a search")
    parser.add_argument("--sampler", default="random", help="of all three")
    parser.add_argument("--json", type=Path, help="a file for all figures")
    parser.add_argument("--smallest", action="store_true", help="one seed, 4 short trials")
    args, overrides = parser.parse_known_args()
    if args.smallest:
        args.seeds, args.trials, overrides = 1, 4, [*SMALLEST, *overrides]
    found: dict[str, list[Found]] = {way: [] for way in WAYS}
    for seed in range(args.seeds):
        for way, pruner in WAYS.items():  # in turns, so that others on the machine slow all alike
            chosen = [*pruner, f"hydra/sweeper/sampler={args.sampler}", f"seed={seed}"]
            found[way].append(search([*chosen, *overrides], args.trials))
            print(f"seed {seed}, {way}: {found[way][-1]}", file=sys.stderr, flush=True)
    if args.json:
        args.json.write_text(json.dumps({way: [one._asdict() for one in of] for way, of in found.items()}))
    show(found, f"{args.trials} trials, {args.sampler}")


def search(overrides: list[str], n_trials: int) -> Found:
    """Ends this program where the search fails."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        command = [
            *(sys.executable, str(ROOT / "src/train.py"), "-m", "hparams_search=mnist_optuna"),
            *(f"paths.log_dir={folder}", "common/logger@logger=csv", "hydra.sweeper.tracker=null"),
            *(f"hydra.sweeper.n_trials={n_trials}", EPOCHS, *overrides),
        ]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            sys.exit(done.stdout + done.stderr)
        study = StudyAddress("mnist_optuna", Path(folder, "train/multiruns/mnist_optuna")).load()
        return Found(sum(len(trial.intermediate_values) for trial in study.trials), study.best_value)


def show(found: dict[str, list[Found]], title: str) -> None:
    is_terminal = sys.stdout.isatty()
    table = Table(title=title, box=box.HEAVY_HEAD if is_terminal else box.MARKDOWN)
    for column in ("pruner", "seed", "epochs", "of the unpruned", "best", "points behind"):
        table.add_column(column, justify="left" if column == "pruner" else "right")
    for way, of_seeds in found.items():
        pairs = list(zip(of_seeds, found[UNPRUNED], strict=True))
        figures = [
            (one.epochs, one.epochs / whole.epochs, one.best, 100 * (whole.best - one.best))
            for one, whole in pairs
        ]
        for seed, of_seed in enumerate(figures):
            table.add_row(*row(way, seed, *of_seed))
        table.add_row(*row(way, "mean", *map(mean, zip(*figures, strict=True))), style="bold")
    console = Console(width=None if is_terminal else 300)
    console.print(table, AIM)


def row(way: str, seed: int | str, epochs: float, share: float, best: float, behind: float) -> list[str]:
    return [way, str(seed), f"{epochs:g}", f"{share:.1%}", f"{best:.4f}", f"{behind:+.2f}"]


if __name__ == "__main__":
    main()
