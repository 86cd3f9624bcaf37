"""The studies that a person means, by folder, storage and name. Makes none."""

import socket
from collections.abc import Sequence
from pathlib import Path

import optuna
from optuna.storages import BaseStorage

from hydra_sweep.errors import SweepError
from hydra_sweep.facts.seen import Seen
from hydra_sweep.study.folder import HOME
from hydra_sweep.study.found import open_to_read, read_named, read_of_folder
from hydra_sweep.study.journal import open_journal
from hydra_sweep.study.storage import absolute

SQLITE = b"SQLite format 3\0"
JOURNAL = "study.journal"


def find(folders: Sequence[str], storage: str | None, names: Sequence[str]) -> list[Seen]:
    """Of each folder its study; without one, those of the storage that are named, or its only one. A file
    in place of a folder is a storage, a journal or sqlite.

    Raises SweepError where there is none, or it is not said which.
    """
    if folders:
        return [one for folder in folders for one in _of_folder(Path(folder).expanduser(), storage, names)]
    if storage is None:
        raise SweepError("report: expected a sweep's folder, or --storage=URL. " + _near(Path()))
    return _of_storage(_open(storage), storage, names)


def _of_folder(folder: Path, storage: str | None, names: Sequence[str]) -> list[Seen]:
    if folder.is_file():
        return _of_storage(_open(str(folder)), str(folder), names)
    folder = folder.absolute()
    if names and (folder / JOURNAL).is_file():
        return _of_storage(open_journal(folder / JOURNAL), str(folder), names, folder)
    study = read_of_folder(folder, absolute(storage)) if folder.is_dir() else None
    if study is None:
        where = "one in that storage" if storage else f"a {JOURNAL} in it, or its storage by --storage=URL"
        raise SweepError(f"{folder} is no sweep's folder: expected {where}. {_near(folder)}".rstrip())
    if names and study.study_name not in names:
        raise SweepError(
            f"{folder} is of the study {study.study_name}, not {names[0]}: leave one of them out."
        )
    return [Seen(study, folder)]


def _of_storage(
    storage: BaseStorage, shown: str, names: Sequence[str], folder: Path | None = None
) -> list[Seen]:
    studies = read_named(storage, shown, names)
    return [Seen(study, folder or _home(study)) for study in studies]


def _open(storage: str) -> BaseStorage:
    if "://" not in storage:
        file = Path(storage).expanduser()
        if not file.is_file():
            raise SweepError(
                f"{storage}: expected the URL of a storage, or the file of a journal or sqlite."
            )
        with open(file, "rb") as opened:
            if opened.read(len(SQLITE)) != SQLITE:
                return open_journal(file)
        storage = f"sqlite:///{file.absolute()}"
    return open_to_read(storage)


def _home(study: optuna.Study) -> Path | None:
    """The folder of a sweep whose study is in a database, where that is here."""
    home = study.user_attrs.get(HOME)
    if home and home["host"] == socket.gethostname() and (folder := Path(home["folder"])).is_dir():
        return folder
    return None


def _near(folder: Path) -> str:
    """The sweeps at or below where one was looked for, or beside it."""
    for place in (folder, folder.parent):
        found = sorted({path.parent for path in place.glob(f"*/{JOURNAL}")}) if place.is_dir() else []
        if found:
            return f"Sweeps near: {', '.join(map(str, found[:5]))}{' …' if len(found) > 5 else ''}."
    return ""
