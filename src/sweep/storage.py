"""Where a study is kept, and how any process of the sweep opens it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from hydra.utils import instantiate
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend

from src.sweep.errors import SweepError


@dataclass(frozen=True)
class StudyAddress:
    """Where a study is, and how any process of the sweep opens it.

    `storage` is None for a journal in the sweep's folder, a URL that Optuna knows, or a node with
    `_target_`.
    """

    name: str
    folder: Path
    storage: Any = None

    @property
    def journal(self) -> Path:
        return self.folder / "study.journal"

    def open_storage(self) -> BaseStorage:
        """A connection of this process's own: neither survives a fork."""
        if self.storage is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            return JournalStorage(JournalFileBackend(str(self.journal)))
        if isinstance(self.storage, str):
            return optuna.storages.get_storage(self.storage)
        return instantiate(self.storage)

    def load(self, storage: BaseStorage | None = None, **kwargs: Any) -> optuna.Study:
        return optuna.load_study(study_name=self.name, storage=storage or self.open_storage(), **kwargs)

    def load_existing(self) -> optuna.Study | None:
        """The study, or None where there is none yet. Creates no file."""
        if self.storage is None and not self.journal.exists():
            return None
        try:
            return self.load()
        except KeyError:
            return None

    def create(self, directions: list[str], attrs: Mapping[str, Any]) -> optuna.Study:
        """The study, new or as it is. Raises SweepError where it optimises in another direction."""
        study = optuna.create_study(
            study_name=self.name,
            storage=self.open_storage(),
            directions=directions,
            load_if_exists=True,
        )
        has = [direction.name.lower() for direction in study.directions]
        if has != directions:
            raise SweepError(
                f"Study {self.name} has direction {has}, the configuration {directions}. "
                "Set another hydra.sweeper.study_name."
            )
        for key, value in attrs.items():
            study.set_user_attr(key, value)
        return study
