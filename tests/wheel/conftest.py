"""The wheel, in environments that have nothing of this checkout."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT

Command = list[str | Path]


def run(*command: str | Path, cwd: Path, code: int = 0) -> str:
    """What a command prints that knows no other Python's modules."""
    foreign = ("PYTHONPATH", "PROJECT_ROOT", "VIRTUAL_ENV", "UV_RUN_RECURSION_DEPTH")
    env = {key: value for key, value in os.environ.items() if key not in foreign}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=400)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="session")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run("uv", "build", "--quiet", "--wheel", "--out-dir", folder, cwd=ROOT)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="session")
def pip_environment(wheel, tmp_path_factory) -> Callable[..., Path]:
    """Makes an environment with plain pip: first these packages, then the wheel. Its Python."""

    def make(*first: str) -> Path:
        folder = tmp_path_factory.mktemp("environment")
        venv.create(folder, with_pip=True)
        for package in (*first, str(wheel)):
            run(folder / "bin/pip", "install", "--quiet", "--no-compile", package, cwd=folder)
        return folder / "bin/python"

    return make


@pytest.fixture(scope="session")
def lightning_environment(wheel, tmp_path_factory) -> Path:
    """Of the wheel, beside the libraries of this environment: torch is several gigabytes, and to compile
    Lightning and MLflow takes a minute. What lies in this checkout is not to be imported."""
    folder = tmp_path_factory.mktemp("environment")
    python = folder / "bin/python"
    run("uv", "venv", "--quiet", "--python", sys.executable, folder, cwd=ROOT)
    run("uv", "pip", "install", "--quiet", "--no-deps", "--python", python, wheel, cwd=ROOT)
    libraries = sysconfig.get_path("purelib")
    own = next(folder.glob("lib/python*/site-packages"))
    (own / "libraries.pth").write_text(f"{libraries}\n")  # whose own .pth files count for nothing then
    found = run(python, "-c", "import hydra_sweep; print(hydra_sweep.__file__)", cwd=folder)
    assert found.startswith(str(own))
    return python


@pytest.fixture
def project(tmp_path) -> Path:
    """A project of lightning-hydra-template's layout, somewhere else."""
    ignore = shutil.ignore_patterns("__pycache__", "logs")
    return shutil.copytree(ROOT / "tests/wheel/project", tmp_path / "project", ignore=ignore)
