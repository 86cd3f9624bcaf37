"""Who works on a sweep, asked of the launcher's own system."""

import shutil
import socket
from collections.abc import Iterable
from pathlib import Path

import optuna

from hydra_sweep.errors import SweepError
from hydra_sweep.launcher.base import WatchedLauncher
from hydra_sweep.launcher.local import LocalLauncher
from hydra_sweep.launcher.slurm import SlurmLauncher
from hydra_sweep.supervisor.lock import supervisor_of
from hydra_sweep.supervisor.workers import WORKERS


def launcher_of(study: optuna.Study, folder: Path) -> WatchedLauncher:
    """By which the sweep's workers can be looked at. Raises SweepError where that cannot be done here."""
    if not study.user_attrs.get(WORKERS, {}).get("on this machine", True):
        if shutil.which("squeue"):
            return SlurmLauncher()
        raise SweepError(
            "The workers of this sweep are SLURM jobs, and there is no squeue here to ask whether one "
            "lives: expected a login node of the cluster."
        )
    last = supervisor_of(folder)
    if last and last.host != socket.gethostname():
        raise SweepError(
            f"The workers of this sweep are processes of {last.host}: whether one lives can be asked there."
        )
    return LocalLauncher(submitit_folder=str(folder / "workers"))


def recorded(study: optuna.Study, busy: Iterable[str]) -> list[str]:
    """The workers that there are by the study: the last supervisor's, and those that have a trial."""
    places = study.user_attrs.get(WORKERS, {}).get("places", {})
    return list(dict.fromkeys([*places, *busy]))
