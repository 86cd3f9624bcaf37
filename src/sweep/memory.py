"""Whether the kernel killed a process because the machine, or the job's share of it, ran out of memory."""

from pathlib import Path

VMSTAT = Path("/proc/vmstat")


def oom_kills() -> int | None:
    """How often the kernel's out-of-memory killer has struck on this machine, in any cgroup; None
    where the system does not say (Linux 4.13 and later do)."""
    try:
        counters = dict(line.split() for line in VMSTAT.read_text().splitlines())
        return int(counters["oom_kill"])
    except (OSError, KeyError, ValueError):
        return None


def why_killed(before: int | None) -> str:
    """What to make of a SIGKILL that nobody of us sent, given the count from before the process began."""
    now = oom_kills()
    if before is None or now is None:
        return "killed (SIGKILL), perhaps by the system, out of memory"
    if now > before:
        return "killed (SIGKILL) by the system, which ran out of memory"
    return "killed (SIGKILL)"
