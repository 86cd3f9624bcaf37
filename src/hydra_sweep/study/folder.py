"""A study and its folder belong together.

Two sweeps of one name, from two checkouts or machines, would otherwise meet in a study that is kept in a
database, take each other's workers for dead, and train its trials twice.
"""

import os
import secrets
import socket

import optuna

from hydra_sweep.errors import SweepError
from hydra_sweep.study.storage import StudyAddress
from hydra_sweep.study.trial_folder import NAME_MAX

# the study's attribute: where its folder was made, and the word that is also in a file of the folder
HOME = "home"
FILE = "study"


def check_home(study: optuna.Study, address: StudyAddress) -> None:
    """Raises SweepError where the study's folder is another than the address's."""
    home, file = study.user_attrs.get(HOME), address.folder / FILE
    if home and not (file.is_file() and file.read_text() == home["word"]):
        raise SweepError(
            f"Study {address.name} in {address.shown()} has its trials in another folder, "
            f"{home['folder']} on {home['host']}, not in {address.folder}. Start it from there, or set "
            "another hydra.sweeper.study_name, or hydra.sweeper.study=new for the next free one."
        )


def make_home(study: optuna.Study, address: StudyAddress) -> None:
    """Marks the address's folder as the study's, unless the study is in it or has one, which is checked."""
    check_home(study, address)
    if address.storage is None or HOME in study.user_attrs:
        return
    word = secrets.token_hex(8)
    (address.folder / FILE).write_text(word)
    home = {"folder": str(address.folder), "host": socket.gethostname(), "word": word}
    study.set_user_attr(HOME, home)


def check_folder(address: StudyAddress) -> None:
    """Raises SweepError where the folder of a study that is yet to be made holds trials: another
    study's, whose results would be overwritten. Also where it could not be made."""
    if long := [part for part in address.folder.parts if len(os.fsencode(part)) > NAME_MAX]:
        raise SweepError(
            f"hydra.sweep.dir: expected names of at most {NAME_MAX} bytes, got one of {len(long[0])}: "
            f"{long[0][:40]}…. Set it, or a shorter hydra.sweeper.study_name."
        )
    if address.folder.is_dir() and any(path.name.isdigit() for path in address.folder.iterdir()):
        raise SweepError(
            f"{address.folder} holds trials, but there is no study {address.name} in its storage "
            f"({address.storage or address.journal.name}). Move the folder away, or set another "
            "hydra.sweeper.study_name, or hydra.sweeper.study=new for the next free one."
        )
