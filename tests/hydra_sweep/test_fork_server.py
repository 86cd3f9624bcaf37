import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from hydra_sweep.errors import SweepError
from hydra_sweep.fork_server import ForkServer


def preload() -> None:
    import wave  # stands for a heavy import

    assert wave


def where(*arguments: object) -> tuple:
    return os.getpid(), os.getppid(), "wave" in sys.modules, arguments


def broken() -> None:
    raise FileNotFoundError("no data set")


def mistaken() -> None:
    raise SweepError("Unknown argument.")


def dies() -> None:
    os._exit(3)


NAME = f"{__name__}."


@pytest.fixture
def server() -> Iterator[ForkServer]:
    server = ForkServer(preload)
    yield server
    server.stop()


def test_calls_are_made_in_forks_of_one_process_that_has_imported(server):
    sys.modules.pop("wave", None)
    first, second = server.call([NAME + "where", NAME + "where"], lambda: 1, os.getpid)
    (again,) = server.call([NAME + "where"])
    pid, parent, imported, arguments = first
    assert (imported, arguments) == (True, (1, pid))
    assert second == first
    assert again[0] != pid != os.getpid()
    assert parent == again[1] == server.pid
    assert "wave" not in sys.modules


@pytest.mark.parametrize(
    ("function", "message"), [("broken", "FileNotFoundError: no data set"), ("dies", "code 3")]
)
def test_what_goes_wrong_is_one_line(server, function, message):
    with pytest.raises(SweepError) as caught:
        server.call([NAME + function])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert server.call([NAME + "where"])


def test_a_users_mistake_is_told_as_it_is(server):
    with pytest.raises(SweepError, match=r"^Unknown argument\.$"):
        server.call([NAME + "mistaken"])


def waits(ready: Callable[[], None], file: Path) -> None:
    file.write_text(str(os.getppid()))
    ready()
    time.sleep(60)


def test_what_is_forked_outlives_the_server_and_hears_no_ctrl_c(server, tmp_path):
    process = psutil.Process(server.fork(waits, tmp_path / "parent"))
    assert (tmp_path / "parent").read_text() == str(server.pid)
    os.kill(process.pid, signal.SIGINT)
    os.kill(process.pid, signal.SIGHUP)
    server.stop()
    time.sleep(0.2)
    assert process.is_running()
    assert process.status() != psutil.STATUS_ZOMBIE
    assert process.open_files() == []  # it keeps nothing of ours, such as a lock
    process.kill()


def test_a_server_that_is_killed_is_made_again(server):
    server.start()
    os.kill(server.pid, signal.SIGKILL)
    assert server.call([NAME + "where"])[0][2]


def ends(ready: Callable[[], None]) -> None:
    ready()


def test_what_has_ended_is_no_zombie(server):
    ended = server.fork(ends)
    deadline = time.monotonic() + 5
    while psutil.pid_exists(ended) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(ended)


DONE: list[int] = []


def begins(number: int) -> None:
    DONE.append(number)
    print("said to nobody")
    if number > 1:
        raise (SystemExit if number == 2 else ValueError)("left to those that are forked")


def done() -> list[int]:
    return DONE


def test_what_the_server_does_itself_its_forks_have(server, capfd):
    for number in (1, 2, 3):
        server.do(begins, number)
    assert server.call([NAME + "done"]) == [[1, 2, 3]]
    assert DONE == []
    assert capfd.readouterr() == ("", "")
