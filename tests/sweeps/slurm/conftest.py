"""A SLURM cluster for the tests marked `slurm`."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator

import pytest

from tests.conftest import ROOT

SCRIPT = ROOT / "scripts/slurm_cluster.sh"


@pytest.fixture(scope="session")
def slurm() -> Iterator[None]:
    """The cluster that this machine belongs to; else one of our own, as long as the tests run."""
    if shutil.which("sinfo") and subprocess.run(["sinfo"], capture_output=True).returncode == 0:
        yield
        return
    before = dict(os.environ)
    folder = tempfile.mkdtemp(prefix="slurm-", dir="/tmp")  # the path of a socket is short
    os.environ |= {"STATE": folder, "BASE_PORT": str(free_ports())}
    try:
        up = subprocess.run([SCRIPT, "up"], capture_output=True, text=True)
        if up.returncode:
            give_up = pytest.fail if os.environ.get("CI") else pytest.skip
            give_up(f"no SLURM cluster: {up.stderr.strip()}")
        os.environ["SLURM_CONF"] = f"{folder}/etc/slurm.conf"
        yield
    finally:
        subprocess.run([SCRIPT, "down"], capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)
        os.environ.clear()
        os.environ.update(before)


def free_ports() -> int:
    """The first of a range that is probably free."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return min(listener.getsockname()[1], 65000)
