import os
import sys

import pytest

from hydra_sweep.errors import SweepError
from hydra_sweep.fork_server import ForkServer


def where(*arguments: object) -> tuple:
    import wave  # stands for a heavy import

    return os.getpid(), wave.__name__, arguments


def broken() -> None:
    raise FileNotFoundError("no data set")


def mistaken() -> None:
    raise SweepError("Unknown argument.")


def dies() -> None:
    os._exit(3)


NAME = f"{__name__}."


def test_the_call_and_its_imports_are_elsewhere():
    sys.modules.pop("wave", None)
    pid, name, arguments = call_in_fork([NAME + "where"], lambda: 1, os.getpid)[0]
    assert (pid != os.getpid(), name) == (True, "wave")
    assert arguments == (1, pid)
    assert "wave" not in sys.modules


@pytest.mark.parametrize(
    ("function", "message"), [("broken", "FileNotFoundError: no data set"), ("dies", "code 3")]
)
def test_what_goes_wrong_is_one_line(function, message):
    with pytest.raises(SweepError) as caught:
        call_in_fork([NAME + function])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_users_mistake_is_told_as_it_is():
    with pytest.raises(SweepError, match=r"^Unknown argument\.$"):
        call_in_fork([NAME + "mistaken"])
