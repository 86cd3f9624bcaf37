"""The study that belongs to a folder."""

from pathlib import Path
from typing import Any

from hydra_sweep.errors import SweepError
from hydra_sweep.study.folder import FILE, HOME
from hydra_sweep.study.storage import StudyAddress


def study_of_folder(folder: Path, storage: Any = None) -> StudyAddress | None:
    """Its journal's, else the one in the storage that has its trials there; None where there is none."""
    address = StudyAddress("", folder)
    if address.journal.is_file():
        names = [study.study_name for study in address.open_storage(patient=False).get_all_studies()]
        name = folder.name if folder.name in names or not names else names[0]
        return StudyAddress(name, folder)
    if storage is None or not (folder / FILE).is_file():
        return None
    word = (folder / FILE).read_text()
    address = StudyAddress("", folder, storage)
    if address.file and not address.file.exists():
        raise SweepError(f"There is no {address.file}: expected the storage of the sweep in {folder}.")
    for study in address.open_storage(patient=False).get_all_studies():
        if study.user_attrs.get(HOME, {}).get("word") == word:
            return StudyAddress(study.study_name, folder, storage)
    return None
