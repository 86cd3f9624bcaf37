"""The report as a file."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra_sweep.facts.collect import facts
from hydra_sweep.facts.seen import Seen
from hydra_sweep.report.page import render
from hydra_sweep.report.part import part_of


def report(seen: Sequence[Seen], file: Path, refresh_s: float | None = None) -> None:
    """Raises OSError where it cannot be written."""
    for one in seen:
        one.shown_in = file.absolute().parent
    write_report(facts(seen, refresh_s), file)


def write_report(data: dict[str, Any], file: Path) -> None:
    """Whoever opens the file meanwhile finds the last one, or this, whole."""
    part = part_of(file, os.getpid())
    try:
        part.write_text(render(data), encoding="utf-8")
        os.replace(part, file)
    finally:
        part.unlink(missing_ok=True)
