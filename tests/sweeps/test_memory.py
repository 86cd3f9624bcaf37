"""The kernel's out-of-memory killer, in a memory group of the test's own."""

import os
from pathlib import Path

import pytest

from tests.toy.sweeps import load


def test_memory_is_named_where_the_kernel_killed_for_it(toy, tmp_path, memory_group):
    fill = "what={1: fill memory}", "hydra.sweeper.max_retries=1", "hydra.sweeper.max_failure_rate=0.5"
    toy(*fill, TOY_MEMORY_GROUP=str(memory_group))
    trial = load(tmp_path).trials[1]
    assert trial.state.name == "FAIL"
    assert trial.user_attrs["losses"] == 1
    assert "ran out of memory, in each of 2 attempts" in trial.user_attrs["reason"]


@pytest.fixture
def memory_group():
    """A memory cgroup of 200 MB, where this process may make one."""
    for root, limit in (
        ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
        ("/sys/fs/cgroup", "memory.max"),
    ):
        group = Path(root, f"toy_{os.getpid()}")
        try:
            group.mkdir()
        except OSError:
            continue
        if (group / limit).exists():
            (group / limit).write_text(str(200 << 20))
            yield group
            group.rmdir()
            return
        group.rmdir()
    pytest.skip("this process may not make a memory cgroup (it takes root)")
