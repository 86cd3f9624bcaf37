"""A PostgreSQL server of the tests' own."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

# with the characters that a URL must percent-encode
PASSWORD = "planted@S3cret/100%"


@dataclass
class Server:
    folder: Path
    # The server refuses to run as root.
    user: dict[str, Any]
    port: int
    numbers: Iterator[int] = field(default_factory=count)
    process: subprocess.Popen | None = None

    def start(self) -> None:
        options = ["-h", "127.0.0.1", "-p", str(self.port), "-k", "", "-c", "fsync=off"]
        command = [binaries() / "postgres", "-D", self.folder / "data", *options]
        with open(self.folder / "log", "a") as log:
            self.process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log, **self.user)
        _wait_for(self)

    def stop(self) -> None:
        if self.process:
            self.process.send_signal(signal.SIGINT)  # ends open sessions; SIGTERM would wait for them
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
            self.process.kill()
            self.process.wait()

    def new_database(self) -> str:
        """The URL of a database that is empty."""
        name = f"db{next(self.numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def url(self, database: str = "postgres", password: str = PASSWORD) -> str:
        return f"postgresql://tester:{quote(password, safe='')}@127.0.0.1:{self.port}/{database}"

    def execute(self, command: str) -> list[tuple]:
        connection = psycopg.connect(self.url())
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(command)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()


def binaries() -> Path | None:
    """Debian's folder of the server's programs; None where it is not installed."""
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


@contextmanager
def running_server() -> Iterator[Server]:
    """A server on a free port of this machine, which forgets everything at the end."""
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
    if user:
        shutil.chown(folder, "postgres", "postgres")
    server = Server(folder, user, _free_port())
    try:
        _make_cluster(folder, user)
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


def _make_cluster(folder: Path, user: dict) -> None:
    (folder / "password").write_text(PASSWORD)
    (folder / "password").chmod(0o644)
    options = ["--username=tester", "--auth=scram-sha-256", "--no-sync", "--encoding=UTF8"]
    command = [binaries() / "initdb", "-D", folder / "data", f"--pwfile={folder}/password", *options]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, **user)


def _wait_for(server: Server) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            server.execute("SELECT 1")
            return
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                raise TimeoutError((server.folder / "log").read_text()) from error
            time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
