"""The study that a person means, by folder, storage and name. Makes none."""

from pathlib import Path

import optuna

from hydra_sweep.errors import SweepError, unknown
from hydra_sweep.study.found import study_of_folder
from hydra_sweep.study.storage import StudyAddress, absolute
from hydra_sweep.study.sweep_study import SweepStudy

JOURNAL = StudyAddress("", Path()).journal.name
# below a folder: where Hydra and the template put sweeps
PLACES = ("*", "multirun/*", "multiruns/*", "logs/*/multiruns/*")
FEW = 5


def find(folder: str | None, storage: str | None, name: str | None) -> tuple[optuna.Study, Path | None]:
    """The study of a sweep's folder; without a folder that of the storage, which other programs may have
    made, by its name where there are several. Raises SweepError where there is none."""
    if folder is None:
        if storage is None:
            raise SweepError(f"Expected a sweep's folder, or --storage=URL.{_near(Path())}")
        return _of_storage(storage, name), None
    path = Path(folder).expanduser().absolute()
    address = study_of_folder(path, absolute(storage)) if path.is_dir() else None
    if address is None:
        where = "its study in that storage" if storage else f"a {JOURNAL} in it, or else --storage=URL"
        raise SweepError(f"{folder} is no sweep's folder: expected {where}.{_near(path)}")
    try:
        return address.load(address.open_storage(patient=False)), path
    except KeyError:
        raise SweepError(f"{folder}: its sweep is only starting: there is no study yet.") from None


def _of_storage(storage: str, name: str | None) -> optuna.Study:
    address = StudyAddress("", Path(), absolute(storage))
    if address.file and not address.file.exists():
        raise SweepError(f"There is no {address.file}: expected the storage of a study.")
    opened = address.open_storage(patient=False)
    there = [study.study_name for study in opened.get_all_studies()]
    if name and name not in there:
        raise unknown("study", name, there)
    if not name and len(there) != 1:
        expected = f"--study=NAME, one of: {', '.join(sorted(there))}" if there else "a study in it"
        raise SweepError(f"{address.shown()}: expected {expected}.")
    return SweepStudy(name or there[0], opened)


def _near(folder: Path) -> str:
    """The sweeps below where one was looked for, or beside it, or here; the newest first."""
    for place in (folder, folder.parent, Path()):
        found = {path.parent for pattern in PLACES for path in place.glob(f"{pattern}/{JOURNAL}")}
        if found:
            newest = sorted(found, key=lambda sweep: -(sweep / JOURNAL).stat().st_mtime)
            more = " …" if len(newest) > FEW else ""
            return f" Sweeps near: {', '.join(map(str, newest[:FEW]))}{more}"
    return ""
