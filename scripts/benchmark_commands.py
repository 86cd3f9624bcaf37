"""What a user waits for: help, a mistake, the first batch, the end, a study that is complete.

    python scripts/benchmark_commands.py [--repeats 5]

In turns; prints the median and the extremes of seconds. Beside them, one import of what the task needs, in
a process that does nothing else: the first batch cannot come before that.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from rich.console import Console
from rich.table import Table

from hydra_sweep.space.targets import targets
from scripts.peers.environments import ROOT, project_environment
from scripts.peers.measure import measure
from src.data.mnist_files import prepare_mnist

TRAIN = str(ROOT / "src" / "train.py")
# without the process's end, which takes a while
IMPORT = "import importlib, os, sys; [importlib.import_module(name) for name in sys.argv[1:]]; os._exit(0)"
HELP, MISTAKE, NEEDED = "--help", "trainer.max_epochs=ten", "one import of what the task needs"
BATCH, RATIO = "from the command to the first batch", "the same, over that import"
END, AGAIN = "from the last epoch to the command's end", "the same command, once all is done"


def seconds(*command: str, code: int = 0) -> float:
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, env=project_environment(None)
    )
    if done.returncode != code:
        sys.exit(done.stderr)
    return time.perf_counter() - start


def modules() -> list[str]:
    """Of what the configuration names, and of the task itself."""
    with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
        cfg = OmegaConf.to_container(compose("train.yaml", ["hparams_search=mnist_optuna"]))
    return sorted({target.rpartition(".")[0] for target in targets(cfg)} | {"src.utils.training"})


def once(needed: list[str]) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        sweep = [
            *(TRAIN, "-m", "hparams_search=mnist_optuna", f"paths.log_dir={folder}"),
            *("trainer.max_epochs=1", "+trainer.limit_train_batches=20", "hydra.sweeper.n_trials=2"),
            "+callbacks.events._target_=scripts.peers.lightning_events.Events",
        ]
        figures = measure([sys.executable, *sweep], project_environment(None), Path(folder))
        again = seconds(*sweep)
    imported = seconds("-c", IMPORT, *needed)
    return {
        HELP: seconds(TRAIN, "--help"),
        MISTAKE: seconds(TRAIN, "-m", "hparams_search=mnist_optuna", MISTAKE, code=1),
        NEEDED: imported,
        BATCH: figures.before,
        RATIO: figures.before / imported,
        END: figures.after,
        AGAIN: again,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    prepare_mnist(ROOT / "data")
    found: dict[str, list[float]] = defaultdict(list)
    needed = modules()
    for _ in range(args.repeats):
        for name, figure in once(needed).items():
            found[name].append(figure)
    table = Table("", "median", "least", "greatest")
    for name, figures in found.items():
        table.add_row(name, *(f"{of(figures):.2f}" for of in (statistics.median, min, max)))
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
