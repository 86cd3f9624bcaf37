"""`python -m hydra_sweep`: what is known of a sweep, and trials that a person changes."""

import argparse
from collections.abc import Sequence

import optuna
from optuna.exceptions import StorageInternalError

from hydra_sweep.by_hand import command_line as by_hand
from hydra_sweep.command_line import mistakes_alone
from hydra_sweep.errors import SweepError
from hydra_sweep.facts import command_line as facts
from hydra_sweep.status import command_line as status
from hydra_sweep.study.storage import said


def main(arguments: Sequence[str] | None = None) -> None:
    """Raises SweepError for a user's mistake, before anything is changed."""
    parser = argparse.ArgumentParser(
        "python -m hydra_sweep", description="Looks at sweeps, and changes them."
    )
    commands = parser.add_subparsers(dest="what", required=True)
    for one in (status, facts, by_hand):
        one.add_to(commands)
    given = parser.parse_args(arguments)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        given.run(given)
    except StorageInternalError as error:
        raise SweepError(f"The study's storage does not answer: {said(error)}") from None
    except OSError as error:
        raise SweepError(f"{error.filename}: {error.strerror or error}") from None


if __name__ == "__main__":
    with mistakes_alone():
        main()
