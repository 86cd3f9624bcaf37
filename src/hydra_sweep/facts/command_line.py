"""`python -m hydra_sweep report`."""

import argparse
from pathlib import Path
from typing import Any

from hydra_sweep.console import say
from hydra_sweep.errors import SweepError
from hydra_sweep.facts.find import find
from hydra_sweep.facts.write import report
from hydra_sweep.report.part import REPORT


def add_to(commands: Any) -> None:
    """The command, to argparse's subparsers."""
    parser = commands.add_parser(
        "report",
        help="write a page of all that is known of a study, or of several side by side",
        epilog="It only reads, also while the sweep runs, and knows studies of other programs too.",
    )
    parser.add_argument("sweeps", nargs="*", help="the sweep's folder, or the file of a storage")
    parser.add_argument(
        "--storage", help="hydra.sweeper.storage, where that is not a journal in the folder"
    )
    parser.add_argument("--study", action="append", default=[], help="which of the storage; several: again")
    parser.add_argument(
        "--to", help=f"the file; else {REPORT} in the sweep's folder, of several studies here"
    )
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> None:
    """Raises SweepError for a user's mistake."""
    seen = find(given.sweeps, given.storage, given.study)
    is_one = len(seen) == 1 and seen[0].folder
    file = Path(given.to).expanduser() if given.to else (seen[0].folder if is_one else Path()) / REPORT
    try:
        report(seen, file)
    except OSError as error:
        raise SweepError(
            f"{file} cannot be written: {error.strerror}. Choose another: --to=FILE."
        ) from None
    say(f"report: {file.absolute()}")
