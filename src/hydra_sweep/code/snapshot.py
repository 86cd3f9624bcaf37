"""`hydra.sweeper.snapshot=true`: a copy of the code in the sweep's folder, which workers run from.

What git tracks is copied, and what it neither tracks nor ignores. Paths of the configuration stay those
of the checkout; configuration files that git ignores (settings of this machine) are read from there.
"""

import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
from hydra.core.config_search_path import ConfigSearchPath
from hydra.types import HydraContext

from hydra_sweep.code.project import excluding, git
from hydra_sweep.code.version import CODE
from hydra_sweep.console import say
from hydra_sweep.errors import SweepError
from hydra_sweep.study.secrets import HidingLoader, hidden


def check_git(root: Path) -> None:
    """Raises SweepError where git knows no code there."""
    if not git("ls-files", "-co", "--exclude-standard", root=root):
        raise SweepError(
            f"hydra.sweeper.snapshot=true copies what git knows, and {root} is no git repository, or git "
            "is not installed. Run git init there, or set hydra.sweeper.snapshot=false."
        )


@contextmanager
def taken(root: Path, folder: Path, context: HydraContext) -> Iterator[str]:
    """Has all that is started from now on run from a copy, in the sweep's folder, of the code in `root`.

    Yields the copy's name from there. The same code is copied once; the copy goes away again where the
    block raises.
    """
    files = list(code_files(root, folder))
    commit = (git("rev-parse", "HEAD", root=root) or "")[:7] or "no-commit"
    copy = folder / CODE / f"{commit}-{_digest(files, root)}"
    is_new = not copy.exists()
    try:
        if is_new:
            _copy(files, root, copy)
        run_from(copy, root, context)
        say(f"Workers run from a snapshot of the code, {len(files)} files: {copy}")
        yield f"{CODE}/{copy.name}"
    except BaseException:
        if is_new:
            shutil.rmtree(copy, ignore_errors=True)
            with suppress(OSError):  # not empty
                copy.parent.rmdir()
        raise


def code_files(root: Path, folder: Path) -> Iterator[Path]:
    """The files, and links as such, that git does not ignore, but for those in a folder."""
    listed = git(
        *("ls-files", "-z", "-co", "--exclude-standard", "--", "."), *excluding(folder, root), root=root
    )
    for name in sorted(set(filter(None, (listed or "").split("\0")))):
        path = root / name
        if (path / ".git").exists():  # a submodule, or an untracked repository in this one
            yield from code_files(path, folder)
        elif path.is_symlink() or path.is_file():
            yield path


def run_from(copy: Path, root: Path, context: HydraContext) -> None:
    """Has the jobs, and what this process has yet to import, take modules and configuration files from
    the copy."""
    ours = [found for path in sys.path if (found := counterpart(path, copy, root))]
    # `python -m submitit…` would put the working directory, as a rule the checkout, before all else.
    os.environ["PYTHONSAFEPATH"] = "1"
    working = counterpart(os.getcwd(), copy, root) or os.getcwd()
    inherited = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys([working, *ours, *inherited]))
    sys.path[:] = dict.fromkeys([*ours, *sys.path])
    for module in list(sys.modules.values()):
        paths = getattr(module, "__path__", None)
        if isinstance(paths, list):  # a namespace package follows sys.path by itself
            paths[:] = [counterpart(path, copy, root) or path for path in paths]
    context.config_loader = SnapshotLoader(context.config_loader.get_search_path(), root, copy)


def counterpart(path: str, copy: Path, root: Path) -> str | None:
    """The folder of the copy that stands for one of the checkout; None where there is none."""
    folder = Path(path).resolve()
    if not folder.is_relative_to(root) or folder.is_relative_to(copy):  # a sweep's folder may lie in it
        return None
    found = copy / folder.relative_to(root)
    return str(found) if found.is_dir() else None


class SnapshotLoader(HidingLoader):
    """Hydra's loader, which looks into the copy before it looks into the checkout."""

    def __init__(self, search_path: ConfigSearchPath, root: Path, copy: Path) -> None:
        self.root, self.copy = root, copy
        super().__init__(self._through_copy((one.provider, one.path) for one in search_path.get_path()))

    def _process_config_searchpath(self, config_name: Any, parsed_overrides: Any, repo: Any) -> None:
        super()._process_config_searchpath(config_name, parsed_overrides, repo)
        # which added those of hydra.searchpath
        sources = ((source.provider, source.full_path()) for source in repo.get_sources())
        repo.initialize_sources(self._through_copy(sources))

    def _through_copy(self, elements: Any) -> ConfigSearchPathImpl:
        found = []
        for provider, path in elements:
            folder = _folder(path)
            if folder and (copied := counterpart(folder, self.copy, self.root)):
                found.append((provider, f"file://{copied}"))
            found.append((provider, path))
        search_path = ConfigSearchPathImpl()
        for provider, path in dict.fromkeys(found):
            search_path.append(provider, path)
        return search_path


def _folder(path: str) -> str | None:
    """Of an entry of the search path, where it is one."""
    scheme, _, rest = path.rpartition("://")
    if scheme != "pkg":
        return rest if scheme in ("file", "") else None
    with suppress(ImportError):
        # A package that was imported before the copy was made has its files in the checkout.
        if (spec := find_spec(rest)) and spec.origin:
            return os.path.dirname(spec.origin)
    return None


def _digest(files: list[Path], root: Path) -> str:
    digest = hashlib.sha256()
    for path in files:
        digest.update(os.fsencode(path.relative_to(root)) + b"\0")
        if path.is_symlink():
            digest.update(os.fsencode(os.readlink(path)))
        else:
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:8]


def _copy(files: list[Path], root: Path, copy: Path) -> None:
    unfinished = copy.parent / "unfinished"  # of a supervisor that was killed, if it is there
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    for path in files:
        target = unfinished / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target, follow_symlinks=False)
        if target.suffix == ".yaml" and not target.is_symlink():
            _hide_password_in(target)
    unfinished.rename(copy)


def _hide_password_in(file: Path) -> None:
    text = os.fsdecode(file.read_bytes())
    if (without := hidden(text)) != text:
        file.write_bytes(os.fsencode(without))
