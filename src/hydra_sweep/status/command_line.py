import argparse
from typing import Any

from hydra_sweep.errors import INTERRUPTED
from hydra_sweep.status.find import find
from hydra_sweep.status.show import Status


def add_to(commands: Any) -> None:
    """`status`, to argparse's subparsers."""
    parser = commands.add_parser(
        "status",
        help="how a sweep stands, also while it runs, from any terminal",
        epilog="It only reads, and knows studies of other programs too.",
    )
    parser.add_argument("sweep", nargs="?", help="the sweep's folder")
    parser.add_argument(
        "--storage", help="hydra.sweeper.storage, where that is not the journal in the folder"
    )
    parser.add_argument("--study", help="which of the storage, without a folder")
    parser.add_argument("--watch", action="store_true", help="go on showing it, until it ends")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> None:
    """Raises SweepError for a user's mistake, and SystemExit(130) on Ctrl-C."""
    status = Status(*find(given.sweep, given.storage, given.study))
    try:
        if given.watch:
            status.watch()
        status.show()
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
