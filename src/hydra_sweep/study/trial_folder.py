"""Which folder is a trial's.

`<sweep>/<number>` is, or is a link to it: whoever looks for a trial's folder finds it there, and the trial
itself at its next attempt.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain, count
from pathlib import Path

# the sweep's own, in its folder
RESERVED = {
    *("study", "study.journal", "study.journal.lock", "supervisor.lock", "optimization_results.yaml"),
    *("report.html", "workers", "code", "best", "seeds", "confirm"),
}
# of a trial that runs its task several times, how the folders below its own begin
FIDELITY, REPEAT = "fidelity_", "repeat_"
# of a run: the checkpoint from which it goes on after an interruption, which is none of its results
RESUME = "resume.ckpt"
NAME_MAX = 255  # bytes, on the file systems that there are


def claim_folder(sweep: Path, number: int, wanted: Path) -> Path:
    """The folder that the trial had, or else, made now, the one that is wanted for it; where that is
    another's or the sweep's own, one of another name. No two trials get one folder, whoever asks first."""
    numbered = sweep / str(number)
    if not os.path.lexists(numbered) and not _is_the_sweeps(wanted, sweep):
        with suppress(NotADirectoryError):  # it would be below a file
            _link(_make(wanted, number), numbered)
    if numbered.is_symlink():
        return folder_of(sweep, number)
    folder = wanted if wanted.is_relative_to(numbered) else numbered
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def folder_of(sweep: Path, number: int) -> Path:
    """The folder that a trial has."""
    numbered = sweep / str(number)
    return sweep / os.readlink(numbered) if numbered.is_symlink() else numbered


def folders_of_runs(folder: Path) -> list[Path]:
    """A trial's own, and those below that other runs of its task have."""
    return [folder, *(one for begin in (FIDELITY, REPEAT) for one in folder.glob(f"{begin}*"))]


def files_of_run(folder: Path) -> Iterator[Path]:
    """Below a trial's folder, or that of the best in hand: not those of its lower fidelities, nor, where it
    is the preferred of a Pareto front, of the others of that, which are kept below it by their numbers."""
    others = {*folder.glob(f"{FIDELITY}*"), *(home.parent for home in folder.glob("[0-9]*/.hydra"))}
    return (f for f in folder.rglob("*") if others.isdisjoint(f.parents) and f.name != RESUME)


def set_aside(sweep: Path, number: int) -> Path | None:
    """Renames the folder that a trial has to `<name>_before_retry_<n>`, so that the trial gets a new one.
    The new name, None where there is no folder."""
    folder, numbered = folder_of(sweep, number), sweep / str(number)
    if not folder.is_dir():
        return None
    names = (_shortened(folder.name, end) for end in (f"_before_retry_{n}" for n in count(1)))
    aside = next(folder.with_name(name) for name in names if not os.path.lexists(folder.with_name(name)))
    folder.rename(aside)
    if numbered.is_symlink():
        numbered.unlink()
    return aside


def _is_the_sweeps(folder: Path, sweep: Path) -> bool:
    """Whether it may be another trial's, by its number, or has to do with what else is there."""
    if not folder.is_relative_to(sweep) or folder == sweep:
        return sweep.is_relative_to(folder)
    first = folder.relative_to(sweep).parts[0]
    return first in RESERVED or first.isdigit()


def _make(wanted: Path, number: int) -> Path:
    """Makes a folder of that name, or of the first like it that is not there."""
    parent, name = Path(*map(_shortened, wanted.parent.parts)), wanted.name
    parent.mkdir(parents=True, exist_ok=True)
    for end in chain(("", f"_{number}"), (f"_{number}_{i}" for i in count(2))):
        folder = parent / _shortened(name, end)
        with suppress(FileExistsError):
            folder.mkdir()
            break
    return folder


def _shortened(name: str, end: str = "") -> str:
    whole = os.fsencode(name)[: NAME_MAX - len(end)]
    return whole.decode(errors="ignore") + end


def _link(folder: Path, numbered: Path) -> None:
    sweep = numbered.parent
    try:
        numbered.symlink_to(folder.relative_to(sweep) if folder.is_relative_to(sweep) else folder)
    except FileExistsError:  # another rank of the trial was first
        folder.rmdir()
