import json
import os
import sys
from importlib import import_module
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from torch import nn

from hydra_sweep.errors import SweepError
from hydra_sweep.lightning.kept_run import KeptRun, best_checkpoint

CODE = """
from lightning import LightningModule
from torch import nn

class Model(LightningModule):
    def __init__(self, width, where):
        super().__init__()
        self.net, self.where = nn.Linear(2, width), where
"""
WHERE = "${hydra:runtime.output_dir} ${oc.env:OF_RUN}"
MODEL = {
    "_target_": "code_of_a_run.Model",
    "width": 3,
    "where": WHERE,
}


@pytest.fixture
def run(tmp_path, monkeypatch, hydra_restore_singletons) -> Path:
    """A run's folder, whose code lies elsewhere."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/code_of_a_run.py").write_text(CODE)
    folder = tmp_path / "run"
    (folder / ".hydra").mkdir(parents=True)
    start = {"path": [str(tmp_path / "elsewhere")], "environment": {"OF_RUN": "known", "SECRET": None}}
    (folder / "start.json").write_text(json.dumps(start))
    hydra = {"hydra": {"runtime": {"output_dir": "/gone"}, "job": {"num": 3}}}
    OmegaConf.save(hydra, folder / ".hydra/hydra.yaml")
    OmegaConf.save({"model": MODEL}, folder / ".hydra/config.yaml")
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("OF_RUN", "")
    monkeypatch.delenv("OF_RUN")
    yield folder
    sys.modules.pop("code_of_a_run", None)


def save(file: Path, width: int = 3, age: float = 0, best: str | None = None, **more) -> None:
    file.parent.mkdir(exist_ok=True)
    weights = {f"net.{name}": value for name, value in nn.Linear(2, width).state_dict().items()}
    state = {"ModelCheckpoint{'monitor': 'val'}": {"best_model_path": best or ""}, "Pruning": {}}
    torch.save({"state_dict": weights, "callbacks": state, **more}, file)
    os.utime(file, (1e9 - age, 1e9 - age))


def test_a_run_is_made_again_wherever_its_code_is(run, monkeypatch):
    with monkeypatch.context() as here:
        here.syspath_prepend(run.parent / "elsewhere")
        save(run / "checkpoints/last.ckpt", hyper_parameters=import_module("code_of_a_run").Model)
    sys.modules.pop("code_of_a_run")
    kept = KeptRun.find(str(run))
    model = kept.model()
    assert model.where == f"{run} known"
    assert not model.training
    saved = torch.load(kept.checkpoint, weights_only=False)["state_dict"]
    assert torch.equal(model.net.weight, saved["net.weight"])
    assert KeptRun.find(str(kept.checkpoint)).folder == run


@pytest.mark.parametrize(
    ("files", "best"),
    [
        ({"last": (0, "/gone/checkpoints/b.ckpt"), "a": (2, "x/a.ckpt"), "b": (1, None)}, "b"),
        ({"last": (0, "/gone/not-there.ckpt"), "a": (1, None)}, "last"),
        ({"a": (1, None), "b": (0, None)}, "b"),
    ],
)
def test_the_best_checkpoint_is_what_the_newest_says(run, files, best):
    for name, (age, said) in files.items():
        save(run / f"checkpoints/{name}.ckpt", age=age, best=said)
    assert best_checkpoint(run).stem == best


def test_the_best_checkpoint_is_of_no_other_run_below(run):
    (run / "7/.hydra").mkdir(parents=True)  # another of the Pareto front
    for folder in ("7", "fidelity_1", "repeat_1", "repeat_2"):
        (run / folder).mkdir(exist_ok=True)
    for folder, age in (("7", 0), ("fidelity_1", 9), ("repeat_1", 8), ("repeat_2", 7)):
        save(run / folder / "a.ckpt", age=age, best=f"/sweep/3/{folder}/a.ckpt")
    assert best_checkpoint(run) == run / "repeat_2/a.ckpt"
    save(run / "a.ckpt", age=6, best="/sweep/3/a.ckpt")
    save(run / "last.ckpt", age=5, best="/sweep/3/a.ckpt")
    assert best_checkpoint(run) == run / "a.ckpt"


@pytest.mark.parametrize(
    ("break_it", "place", "said"),
    [
        (lambda run: None, "gone", "There is no "),
        (
            lambda run: (run.parent / "2/.hydra").mkdir(parents=True),
            "",
            r"expected .hydra/config.yaml in it.*Valid: .*/2, .*/run\.",
        ),
        (lambda run: None, "run", "no checkpoint in .*/run, where there is start.json: expected"),
        (
            lambda run: save(run / "c.ckpt", width=4),
            "run",
            "c.ckpt does not fit the model: .*size mismatch",
        ),
        (lambda run: (run / "c.ckpt").touch(), "run", "c.ckpt cannot be read: "),
        (lambda run: (save(run / "c.ckpt"), (run / "start.json").unlink()), "run", "model: .*OF_RUN"),
    ],
)
def test_what_is_wrong_is_one_line(run, break_it, place, said):
    break_it(run)
    with pytest.raises(SweepError, match=said) as error:
        KeptRun.find(str(run.parent / place)).model()
    assert "\n" not in str(error.value)
