"""The study that a person means, by folder, storage and name. Makes none."""

from pathlib import Path

import optuna

from hydra_sweep.errors import SweepError
from hydra_sweep.study.found import open_to_read, read_named, read_of_folder
from hydra_sweep.study.storage import StudyAddress, absolute

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
        (study,) = read_named(open_to_read(storage), storage, [name] if name else [])
        return study, None
    path = Path(folder).expanduser().absolute()
    if name:
        raise SweepError(f"--study={name}: expected without a folder, which has one study.")
    study = read_of_folder(path, absolute(storage)) if path.is_dir() else None
    if study is None:
        where = "its study in that storage" if storage else f"a {JOURNAL} in it, or else --storage=URL"
        raise SweepError(f"{folder} is no sweep's folder: expected {where}.{_near(path)}")
    return study, path


def _near(folder: Path) -> str:
    """The sweeps below where one was looked for, or beside it, or here; the newest first."""
    for place in (folder, folder.parent, Path()):
        found = {path.parent for pattern in PLACES for path in place.glob(f"{pattern}/{JOURNAL}")}
        if found:
            newest = sorted(found, key=lambda sweep: -(sweep / JOURNAL).stat().st_mtime)
            more = " …" if len(newest) > FEW else ""
            return f" Sweeps near: {', '.join(map(str, newest[:FEW]))}{more}"
    return ""
