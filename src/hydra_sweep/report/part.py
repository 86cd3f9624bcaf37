"""What the report's file is called, and what a process writes before it is whole."""

from pathlib import Path

REPORT = "report.html"


def part_of(file: Path, pid: int) -> Path:
    return file.with_name(f".{file.name}.{pid}")
