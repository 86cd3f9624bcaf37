"""A study on which nobody works."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

from hydra_sweep.errors import SweepError
from hydra_sweep.status.workers import launcher_of
from hydra_sweep.study.found import study_of_folder
from hydra_sweep.study.queue import WORKER
from hydra_sweep.study.storage import StudyAddress
from hydra_sweep.supervisor.lock import only_supervisor
from hydra_sweep.supervisor.workers import known_ids


@contextmanager
def open_idle(folder: Path, storage: Any) -> Iterator[tuple[StudyAddress, optuna.Study]]:
    """The study of a sweep's folder, on which no supervisor starts meanwhile. Raises SweepError where there
    is none, and where a supervisor or a worker of it lives."""
    folder = folder.expanduser().absolute()
    address = study_of_folder(folder, storage) if folder.is_dir() else None
    if address is None:
        where = (
            "a journal in it" if storage is None else f"one in {StudyAddress('', folder, storage).shown()}"
        )
        raise SweepError(
            f"{folder} is no sweep's folder: expected {where}. "
            f"{'Of a sweep in a database, name that: --storage=URL.' if storage is None else ''}".rstrip()
        )
    with only_supervisor(folder):
        study = address.load()
        if alive := _living(study, folder):
            raise SweepError(
                f"Workers of this sweep live: {', '.join(alive)}. Expected none: end them by Ctrl-C in the "
                "sweep's own command, started again, and try again."
            )
        yield address, study


def _living(study: optuna.Study, folder: Path) -> list[str]:
    """The workers that may still work: trials name them, and so do the study and its folder."""
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    ids = sorted(known_ids(study, folder) | {trial.user_attrs.get(WORKER) for trial in running} - {None})
    return [i for i, job in launcher_of(study, folder).look(ids).items() if job.alive] if ids else []
