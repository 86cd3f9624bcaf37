"""Where a peer runs: an environment of its own, and none but the loopback network."""

import os
import re
import subprocess
import sys
import tempfile
from importlib.metadata import distributions, version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lightning-hydra-sweep" / "peers"
# Of this project's versions, for what is computed is to be alike. uv links files that it has already.
SHARED = ("torch", "optuna")


class PeerError(RuntimeError):
    """A peer could not be run, or failed. The message says why in one line."""


def python_with(package: str, *beside: str) -> str:
    """The Python of the environment that has the package and those beside it, which is made or completed
    first.

    Raises PeerError where that fails.
    """
    folder = CACHE / re.match(r"[\w-]+", package)[0]
    python = folder / "bin" / "python"
    if not python.exists():
        _uv("venv", "--quiet", f"--python={sys.executable}", str(folder))
    shared = (f"{name}=={version(name)}" for name in SHARED)
    _uv("pip", "install", "--quiet", f"--python={python}", package, *beside, *shared)
    return str(python)


def folder_with(package: str) -> Path:
    """A folder that has this version of the package and none that it requires. Raises PeerError."""
    folder = CACHE / package
    if not folder.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as new:
            _uv("pip", "install", "--quiet", "--no-deps", f"--target={new}/{package}", package)
            os.rename(f"{new}/{package}", folder)
    return folder


def versions() -> dict[str, str]:
    """Of what computes or searches, here and in the peers' environments."""
    ours = ("torch", "optuna", "lightning", "mlflow", "hydra-optuna-sweeper")
    theirs = [str(folder) for folder in CACHE.glob("*/lib/python*/site-packages")]
    found = (each for name in ("ray", "syne-tune") for each in distributions(name=name, path=theirs))
    return {name: version(name) for name in ours} | {each.name: each.version for each in found}


def in_loopback() -> list[str]:
    """What a command is prefixed with to see no network but the loopback's, and to leave no process behind.

    Raises PeerError where that is refused: it takes root, or user namespaces.
    """
    root = [] if os.geteuid() == 0 else ["--map-root-user"]
    alone = ["unshare", *root, "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    prefix = [*alone, "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    _checked([*prefix, "true"], "it cannot have a network of its own here: ")
    return prefix


def project_environment(threads: int | None) -> dict[str, str]:
    """The variables of a command that imports this checkout, and whose processes have so many threads."""
    foreign = ("PYTHONDONTWRITEBYTECODE", "PROJECT_ROOT", "MLFLOW_TRACKING_URI", "OMP_NUM_THREADS")
    inherited = {name: value for name, value in os.environ.items() if name not in foreign}
    return inherited | {"PYTHONPATH": str(ROOT)} | ({"OMP_NUM_THREADS": str(threads)} if threads else {})


def _uv(*arguments: str) -> None:
    _checked(["uv", *arguments], "its environment cannot be made: ")


def _checked(command: list[str], what: str) -> None:
    # In ROOT, whose pyproject.toml has settings of uv's.
    try:
        done = subprocess.run(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
    except FileNotFoundError as error:
        raise PeerError(f"{what}{error.filename} is not installed") from None
    if done.returncode:
        raise PeerError(what + last_words(done.stdout))


def last_words(output: str) -> str:
    return next((line.strip() for line in reversed(output.splitlines()) if line.strip()), "no output")
