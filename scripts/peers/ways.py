"""The commands that search, and where each can be run."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scripts.peers.environments import in_loopback, python_with
from scripts.peers.loop import N_JOBS, Search

TRAIN = Path(__file__).resolve().parents[2] / "src" / "train.py"


@dataclass(frozen=True)
class Way:
    """One way to search.

    Args:
        arguments: of Python, for a search.
        package: what it needs, in an environment of its own; None: this one has all.
        loopback: whether it is to see no other network.
        threads: of a process, or None, where the way itself or torch decides.
    """

    arguments: Callable[[Search], list[str]]
    package: str | None = None
    loopback: bool = False
    threads: int | None = 1

    def prepare(self) -> list[str]:
        """What its command begins with. Raises PeerError where it cannot be run here."""
        python = python_with(self.package) if self.package else sys.executable
        return [*(in_loopback() if self.loopback else []), python]


def peer(module: str, package: str | None = None, loopback: bool = False) -> Way:
    return Way(lambda search: ["-m", f"scripts.peers.{module}", *search.as_arguments()], package, loopback)


def hydra(*overrides: str, threads: int | None = 1) -> Way:
    """Our template's entry."""

    def arguments(search: Search) -> list[str]:
        own = [
            f"trainer.max_epochs={search.epochs}",
            f"hydra.sweeper.n_trials={search.trials}",
            f"hydra.sweeper.n_jobs={N_JOBS}",
            f"seed={search.seed}",
            f"paths.log_dir={search.folder}",
            "+callbacks.events._target_=scripts.peers.lightning_events.Events",
        ]
        if search.batches:
            own.append(f"+trainer.limit_train_batches={search.batches}")
        return [str(TRAIN), "-m", "hparams_search=mnist_optuna", *overrides, *own]

    return Way(arguments, threads=threads)


COMMON_TRIALS = (
    "hydra.sweeper.sampler._target_=scripts.peers.common_trials.CommonTPE",
    "+hydra.sweeper.sampler.common_seed=${seed}",
)
# The learning rate alone is searched, so that all trials of either are equally long.
ONLY_LR = (
    "data.batch_size=128",
    "model.net.lin1_size=64",
    "model.net.lin2_size=128",
    "model.net.lin3_size=64",
)
# lightning-hydra-template's, whose own default is no logger
TEMPLATE = (
    "hydra/sweeper=optuna",
    "hydra/launcher=submitit_local",
    "hydra.sweeper.sampler.seed=${seed}",
    "data._target_=scripts.peers.template.TemplateData",
    "model._target_=scripts.peers.template.TemplateModule",
    "common/logger@logger=none",
    "callbacks.pruning=null",
)
# the very rule of the peers: ours lets a little more go on
OPTUNAS_HALVING = (
    "hydra/sweeper/pruner=asha",
    "hydra.sweeper.pruner._target_=optuna.pruners.SuccessiveHalvingPruner",
    "~hydra.sweeper.pruner.promote",
)
HALVED = {
    "ours": hydra(*OPTUNAS_HALVING, *COMMON_TRIALS),
    "optuna": peer("optuna_alone"),
    "ray-tune": peer("ray_tune", "ray[tune]>=2.50,<3", loopback=True),
    "syne-tune": peer("syne_tune_asha", "syne-tune>=0.16,<0.17"),
}
WHOLE = {
    "ours": hydra(*ONLY_LR, "hydra/sweeper/pruner=none", threads=None),
    "template": hydra(*ONLY_LR, *TEMPLATE, threads=None),
    "template-1-thread": hydra(*ONLY_LR, *TEMPLATE),
}
