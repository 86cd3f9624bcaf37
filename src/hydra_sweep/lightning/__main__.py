"""`python -m hydra_sweep.lightning`: what a run has trained, tested or exported."""

import argparse
import logging
import warnings
from functools import partial
from pathlib import Path

from hydra_sweep.console import say
from hydra_sweep.errors import SweepError, sentence

# On one device: of several, the last batch would be filled up with examples that were counted already.
ALONE = {"devices": 1, "num_nodes": 1, "strategy": "auto"}
ALONE |= {"logger": False, "callbacks": None, "enable_checkpointing": False}


def main() -> None:
    """Raises SweepError for a user's mistake."""
    given = _parser().parse_args()
    # Not at the top: --help does without torch.
    from lightning.pytorch.utilities.exceptions import MisconfigurationException

    from hydra_sweep.lightning.export import examples_of, export
    from hydra_sweep.lightning.kept_run import KeptRun

    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    warnings.simplefilter("ignore")  # Lightning's hints at what the training was made of
    run = KeptRun.find(given.run)
    if given.what == "export":
        file = Path(given.to).absolute()
        if not file.parent.is_dir():
            raise SweepError(f"--to={given.to}: expected a file in a folder that is there.")
        model = run.model()
        try:
            said = export(model, partial(examples_of, model, run.data), file)
        except OSError as error:
            raise SweepError(f"--to={given.to}: {error.strerror or error}.") from error
        say(said)
        return
    try:
        trainer = run.trainer(**ALONE)
        trainer.test(run.untrained(), run.data(), ckpt_path=run.checkpoint, weights_only=False)
    except MisconfigurationException as error:
        raise SweepError(sentence(error)) from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m hydra_sweep.lightning", description=__doc__)
    commands = parser.add_subparsers(dest="what", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("run", help="its folder, such as a sweep's best/, or a checkpoint of it")
    commands.add_parser("test", parents=[common], help="on the data's test set")
    export = commands.add_parser(
        "export", parents=[common], help="as a program that plain torch loads without the project's code"
    )
    export.add_argument("--to", default="model.pt2", help="the file; model.pt2 where it is not said")
    return parser


if __name__ == "__main__":
    from hydra_sweep.command_line import mistakes_alone

    with mistakes_alone():
        main()
