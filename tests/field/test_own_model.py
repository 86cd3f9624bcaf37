"""One's own model and data: README's example runs as it is written, and what is wrong is told at once."""

import re
import textwrap
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.toy.checkout import Checkout

SHORT = ("trainer.max_epochs=2", "hydra.sweeper.n_trials=2", "hydra.sweeper.n_jobs=1")
CPU = ("trainer.accelerator=cpu",)


def files_of_readme() -> dict[str, str]:
    """What README has below a line that is a path alone."""
    text = (ROOT / "README.md").read_text()
    found = re.findall(r"^`([\w/.]+)`\n\n((?:(?: {4}.*)?\n)+)", text, re.MULTILINE)
    return {path: textwrap.dedent(block).strip() + "\n" for path, block in found}


def commands_of_readme() -> list[list[str]]:
    text = (ROOT / "README.md").read_text().partition("A whole example")[2].partition("\nThen\n")[2]
    return [line.split()[1:] for line in re.findall(r"^ {4}(python .*)", text, re.MULTILINE)[:2]]


@pytest.fixture(scope="module")
def own(tmp_path_factory) -> Checkout:
    checkout = Checkout(tmp_path_factory.mktemp("own") / "checkout", with_git=False)
    for path, text in files_of_readme().items():
        (checkout.root / path).write_text(text)
    return checkout


def run(checkout: Checkout, script: str, *arguments: str, code: int = 0) -> str:
    process = checkout.start(script, *arguments)
    said = process.communicate(timeout=200)[0]
    assert process.returncode == code, said
    assert "Traceback" not in said
    return said


def logs(checkout: Checkout) -> Path:
    return checkout.root / "logs/train/multiruns/regression"


def test_readmes_example_sweeps_and_is_tested_from_its_checkpoint(own):
    assert len(files_of_readme()) == 5
    (script, *search), (evaluation, checkpoint) = commands_of_readme()
    run(own, script, *search, *SHORT, *CPU, "callbacks.callback_images.every_n_epochs=1")
    assert '"directions":[1]' in (logs(own) / "study.journal").read_text()  # minimize
    for number in range(2):
        log = (logs(own) / f"{number}/train.log").read_text()
        assert log.count("No grid of images") == 1
        assert "💡" not in log
        assert "deprecated" not in log
        assert "[ERROR]" not in log
        assert len(list((logs(own) / f"{number}/checkpoints").glob("epoch_*.ckpt"))) == 1

    evaluated = run(own, evaluation, checkpoint)
    assert "test/rmse" in evaluated
    assert "Model, data, trainer and seed are those of" in evaluated


def test_all_that_watches_what_is_not_logged_is_told_at_once(own):
    before = sorted(logs(own).parent.glob("*"))
    study = "hydra.sweeper.study_name=other"
    said = run(own, "src/train.py", "hparams_search=regression", study, "monitor=val/acc", code=1)
    for told in (
        "optimized_metric, callbacks.model_checkpoint.monitor, callbacks.early_stopping.monitor, "
        "callbacks.pruning.monitor=val/acc: the model logs no such metric.",
        "It logs: test/rmse, train/rmse, valid/rmse.",
        "All follow monitor= and mode=.",
    ):
        assert told in said
    assert sorted(logs(own).parent.glob("*")) == before


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("hydra.sweeper.direction=maximize", "model_checkpoint.mode=min: expected max"),
        ("mode=up", "Unknown hydra.sweeper.direction 'upimize'. Did you mean minimize?"),
        ("callbacks.early_stopping.mode=max", "early_stopping.mode=max: expected min"),
    ],
)
def test_a_wrong_direction_is_told_at_once(own, words, told):
    said = run(own, "src/train.py", "hparams_search=regression", *words.split(), code=1)
    assert told in said
