"""Where a study is kept, and how any process of the sweep opens it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from hydra.utils import instantiate
from optuna.storages import BaseStorage, InMemoryStorage, JournalStorage, RDBStorage, get_storage

from hydra_sweep.errors import SweepError
from hydra_sweep.study.database import beside_others, make_reliable, open_database
from hydra_sweep.study.journal import SafeJournalStorage, open_journal
from hydra_sweep.study.secrets import masked, revealed
from hydra_sweep.study.sweep_study import SweepStudy

EXPECTED = (
    "hydra.sweeper.storage is null for a journal in the sweep's folder, a URL such as "
    "postgresql://user:password@host/database or sqlite:////folder/study.db, "
    "or a node whose _target_ is a storage of Optuna."
)
# what to install for the module that a URL's scheme asks for
PACKAGES = {"psycopg": "psycopg[binary]", "psycopg2": "psycopg2-binary", "MySQLdb": "mysqlclient"}


@dataclass(frozen=True)
class StudyAddress:
    """Where a study is, and how any process of the sweep opens it.

    `storage` is None for a journal in the sweep's folder, a URL that Optuna knows, or a node with
    `_target_`. The password in it may be masked: it is put back when the storage is opened.
    """

    name: str
    folder: Path
    storage: Any = None

    @property
    def journal(self) -> Path:
        return self.folder / "study.journal"

    @property
    def file(self) -> Path | None:
        """The file of a journal or of sqlite."""
        return self.journal if self.storage is None else _sqlite_file(self.storage)

    def open_storage(self, patient: bool = True) -> BaseStorage:
        """A connection of this process's own: neither survives a fork. Where it is `patient`, a database
        that does not answer is asked again for a minute.

        Raises SweepError where it cannot be opened.
        """
        try:
            storage = self._connect(patient)
        except SweepError:
            raise
        except Exception as error:  # whatever a driver, a damaged file or the user's class raises
            raise SweepError(f"The study's storage {self.shown()}: {said(error)}") from None
        if isinstance(storage, InMemoryStorage):
            raise SweepError(f"{self.shown()} is in memory, where workers cannot reach it. {EXPECTED}")
        return storage

    def load(self, storage: BaseStorage | None = None, **kwargs: Any) -> optuna.Study:
        return SweepStudy(self.name, storage or self.open_storage(), **kwargs)

    def load_existing(self) -> optuna.Study | None:
        """The study, or None where there is none yet. Creates no file.

        Raises SweepError where the study could be neither read nor made.
        """
        if self.file:
            _check_writable(self.file)
            if not self.file.exists():
                return None
        try:
            return self.load(self.open_storage(patient=False))
        except KeyError:
            return None

    def create(self, directions: list[str], attrs: Mapping[str, Any]) -> optuna.Study:
        """The study, new or as it is."""
        storage = self.open_storage()
        optuna.create_study(
            study_name=self.name, storage=storage, directions=directions, load_if_exists=True
        )
        study = self.load(storage)
        for key, value in attrs.items():
            study.set_user_attr(key, value)
        return study

    def _connect(self, patient: bool) -> BaseStorage:
        if self.storage is None:
            return open_journal(self.journal)
        if self.file:
            self.file.parent.mkdir(parents=True, exist_ok=True)
        given = revealed(self.storage)
        is_url = isinstance(given, str)
        storage = open_database(given, patient) if is_url else beside_others(partial(instantiate, given))
        if type(storage) is JournalStorage:
            return SafeJournalStorage(storage._backend)
        if isinstance(storage, RDBStorage):
            make_reliable(storage)
        return get_storage(storage)

    def shown(self) -> str:
        """Where the study is, without a password."""
        if self.storage is None:
            return str(self.journal)
        node = self.storage if isinstance(self.storage, Mapping) else {}
        return masked(str(node.get("_target_") or self.storage))


def _sqlite_file(storage: Any) -> Path | None:
    """The file of a sqlite URL; None for other storages. Raises SweepError where it is in memory."""
    if not isinstance(storage, str) or not storage.startswith("sqlite"):
        return None
    name = storage.partition("://")[2].partition("?")[0].removeprefix("/")
    if name in ("", ":memory:"):
        raise SweepError(f"{storage} is in memory, where workers cannot reach it. {EXPECTED}")
    return None if name.startswith("file:") else Path(name)


def _check_writable(file: Path) -> None:
    """Raises SweepError where the file cannot be made or written. Makes nothing."""
    if os.path.isdir(file):
        raise SweepError(f"{file} is a folder; expected the file of the study. Move it away.")
    if os.path.exists(file) and not os.access(file, os.R_OK | os.W_OK):
        raise SweepError(f"{file} may not be read and written. Change its permissions, or its folder.")
    folder = file.parent
    while not os.path.exists(folder):
        folder = folder.parent
    if not os.path.isdir(folder):
        raise SweepError(f"{file} cannot be made: {folder} is no folder. Choose another place.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SweepError(f"{file} cannot be made: {folder} may not be written. Choose another place.")


def absolute(storage: Any) -> Any:
    """A sqlite URL that is as good in another working directory; any other storage as it is."""
    if not (file := _sqlite_file(storage)):
        return storage
    scheme, question_mark, query = storage.partition("://")[0], *storage.partition("?")[1:]
    return f"{scheme}:///{file.absolute()}{question_mark}{query}"


def said(error: BaseException) -> str:
    """The one line that says it, and the next step, of an error under those that wrap it."""
    while error.__cause__:
        error = error.__cause__
    lines = [line.strip() for line in masked(str(error)).splitlines() if line.strip()]
    said = f"{type(error).__name__}: {lines[0] if lines else ''}".rstrip(". ")
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = PACKAGES.get(error.name, error.name)
        return f"{said}. Install the package {package}, or choose another storage."
    if isinstance(error, OSError):
        return f"{said}. Once that is mended, the same command goes on."
    if type(error).__name__ == "OperationalError":  # of any driver
        return f"{said}. Is the server up, and are user, password, host and database right?"
    return f"{said}. {EXPECTED}"
