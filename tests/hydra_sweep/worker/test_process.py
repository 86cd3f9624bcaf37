import pytest

from hydra_sweep.worker import process


@pytest.mark.parametrize(
    ("before", "counters", "said"),
    [
        (3, "oom_kill 3\n", "killed (SIGKILL)"),
        (3, "pgfault 9\noom_kill 4\n", "killed (SIGKILL) by the system, which ran out of memory"),
        (3, "pgfault 9\n", "killed (SIGKILL), perhaps by the system, out of memory"),
        (None, "oom_kill 4\n", "killed (SIGKILL), perhaps by the system, out of memory"),
    ],
)
def test_the_reason_says_what_the_kernel_says(tmp_path, monkeypatch, before, counters, said):
    (tmp_path / "vmstat").write_text(counters)
    monkeypatch.setattr(process, "VMSTAT", tmp_path / "vmstat")
    assert process.why_killed(before) == said
