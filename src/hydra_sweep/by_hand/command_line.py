import argparse
from collections.abc import Sequence
from pathlib import Path

import optuna
from optuna.exceptions import StorageInternalError

from hydra_sweep.by_hand import changes
from hydra_sweep.by_hand.show import show
from hydra_sweep.by_hand.study import open_idle
from hydra_sweep.errors import SweepError
from hydra_sweep.study.storage import absolute, said

AFTER = (
    "Refused while the sweep runs. The same command that began the sweep then trains what was put back, "
    "and writes the results anew."
)


def main(arguments: Sequence[str] | None = None) -> None:
    """`retry`, `drop` and `add`. Raises SweepError for a user's mistake, before anything is changed."""
    given = _parser().parse_args(arguments)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        _run(given)
    except StorageInternalError as error:
        raise SweepError(f"The study's storage does not answer: {said(error)}") from None
    except OSError as error:
        raise SweepError(f"{error.filename}: {error.strerror or error}") from None


def _run(given: argparse.Namespace) -> None:
    with open_idle(Path(given.sweep), absolute(given.storage)) as (address, study):
        if given.what == "retry":
            change = changes.retry(study, given.trials)
        elif given.what == "drop":
            change = changes.drop(study, given.trials, given.reason)
        else:
            change = changes.add(study, given.params, given.value)
        show(change)
        if not given.dry_run:
            change.make(address)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m hydra_sweep", description="Changes trials of a sweep.", epilog=AFTER
    )
    commands = parser.add_subparsers(dest="what", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("sweep", help="the sweep's folder")
    common.add_argument(
        "--storage", help="hydra.sweeper.storage, where that is not the journal in the folder"
    )
    common.add_argument("--dry-run", action="store_true", help="show what would change")

    retry = commands.add_parser("retry", parents=[common], help="have trials trained again", epilog=AFTER)
    retry.add_argument("trials", nargs="*", type=int, help="their numbers; none: all that failed")

    drop = commands.add_parser(
        "drop", parents=[common], help="have trials count as failed, and not as results", epilog=AFTER
    )
    drop.add_argument("trials", nargs="+", type=int, help="their numbers")
    drop.add_argument("--reason", help="why, for whoever looks at the study")

    add = commands.add_parser("add", parents=[common], help="add a result that is known", epilog=AFTER)
    add.add_argument("params", nargs="+", help="key=value for each parameter that is searched")
    add.add_argument("--value", nargs="+", type=float, required=True, help="of the metric, or of each")
    return parser
