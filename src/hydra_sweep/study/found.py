"""The study that belongs to a folder, and those of a storage that are named. Makes none."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage

from hydra_sweep.errors import SweepError, unknown
from hydra_sweep.study.folder import FILE, HOME
from hydra_sweep.study.foreign import told_apart
from hydra_sweep.study.storage import StudyAddress, absolute
from hydra_sweep.study.sweep_study import SweepStudy


def study_of_folder(folder: Path, storage: Any = None) -> StudyAddress | None:
    """Its journal's, else the one in the storage that has its trials there; None where there is none."""
    found = _found(folder, storage)
    return found and found[0]


def read_of_folder(folder: Path, storage: Any = None) -> optuna.Study | None:
    """Likewise the study, to be read only. Raises SweepError where its sweep has yet to make it."""
    if not (found := _found(folder, storage)):
        return None
    address, opened = found
    try:
        return told_apart(address.load(opened))
    except KeyError:
        raise SweepError(f"{folder}: its sweep is only starting: there is no study yet.") from None


def open_to_read(storage: str) -> BaseStorage:
    """Raises SweepError where there is none."""
    address = StudyAddress("", Path(), absolute(storage))
    if address.file and not address.file.exists():
        raise SweepError(f"There is no {address.file}: expected the storage of a study.")
    return address.open_storage(patient=False)


def read_named(opened: BaseStorage, shown: str, names: Sequence[str]) -> list[optuna.Study]:
    """Those of the names, or the only one, to be read only. Raises SweepError where that is not there, or
    there are several and no names."""
    there = [study.study_name for study in opened.get_all_studies()]
    if missing := [name for name in names if name not in there]:
        raise unknown("study", missing[0], there)
    if not names and len(there) != 1:
        expected = f"--study=NAME, one of: {', '.join(sorted(there))}" if there else "a study in it"
        raise SweepError(f"{StudyAddress('', Path(), shown).shown()}: expected {expected}.")
    return [told_apart(SweepStudy(name, opened)) for name in names or there]


def _found(folder: Path, storage: Any) -> tuple[StudyAddress, BaseStorage] | None:
    """Where it is, and what was opened to find it: a long journal takes seconds to read."""
    address = StudyAddress("", folder)
    if address.journal.is_file():
        opened = address.open_storage(patient=False)
        names = [study.study_name for study in opened.get_all_studies()]
        name = folder.name if folder.name in names or not names else names[0]
        return StudyAddress(name, folder), opened
    if storage is None or not (folder / FILE).is_file():
        return None
    word = (folder / FILE).read_text()
    address = StudyAddress("", folder, storage)
    if address.file and not address.file.exists():
        raise SweepError(f"There is no {address.file}: expected the storage of the sweep in {folder}.")
    opened = address.open_storage(patient=False)
    for study in opened.get_all_studies():
        if study.user_attrs.get(HOME, {}).get("word") == word:
            return StudyAddress(study.study_name, folder, storage), opened
    return None
