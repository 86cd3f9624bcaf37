"""Of models as people write them; tests/sweeps/test_training.py exports a sweep's best."""

import json
import subprocess
import sys

import pytest
import torch
from lightning import LightningDataModule, LightningModule
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from hydra_sweep.errors import SweepError
from hydra_sweep.lightning import export as module
from hydra_sweep.lightning.export import examples_of, export

# in a process that has torch, and nothing of this project
LOAD = """
import sys, torch
x = torch.arange(14.0).reshape(7, 2)
for file, arguments in zip(sys.argv[1:], [(x,), (x, x[:, :1])]):
    print(torch.export.load(file).module()(*arguments).tolist())
foreign = {name.partition(".")[0] for name in sys.modules} & {"lightning", "hydra_sweep", "src", "tests"}
assert not foreign, foreign
"""


class One(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 3), nn.Dropout(0.5), nn.BatchNorm1d(3))

    def forward(self, x):
        return self.net(x)


class Two(One):
    example_input_array = torch.ones(5, 2), torch.ones(5, 1)

    def forward(self, x, scale):
        return self.net(x) * scale


class Branching(One):
    def forward(self, x):
        return self.net(x) if x.sum() > 0 else x


class OneAtATime(One):
    def forward(self, x):
        return self.net(x.reshape(4, 2))


class NoForward(One):
    forward = LightningModule.forward


class Data(LightningDataModule):
    def setup(self, stage):
        self.data = TensorDataset(torch.rand(12, 2), torch.zeros(12))

    def train_dataloader(self):
        return DataLoader(self.data, 6)


def trained(kind: type[One]) -> One:
    model = kind()
    model.net(torch.rand(8, 2))  # the statistics of its batches
    return model.eval()


def test_a_program_computes_as_the_model_in_plain_torch(tmp_path):
    one, two = trained(One), trained(Two)
    files = [tmp_path / "it's.pt2", tmp_path / "two.pt2"]
    for model, file in zip((one, two), files, strict=True):
        said = export(model, lambda model=model: examples_of(model, Data), file)
        assert said.startswith(f"{file}: a program of torch.export of (batch, 2)")
    done = subprocess.run([sys.executable, "-I", "-c", LOAD, *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    x = torch.arange(14.0).reshape(7, 2)
    for line, wanted in zip(done.stdout.splitlines(), (one(x), two(x, x[:, :1])), strict=True):
        torch.testing.assert_close(torch.tensor(json.loads(line)), wanted)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [(Branching, ""), (OneAtATime, ""), (NoForward, "NoForward has no forward")],
)
def test_weights_alone_where_there_is_no_program(tmp_path, kind, reason):
    model, file = trained(kind), tmp_path / "model.pt2"
    said = export(model, lambda: examples_of(model, Data), file)
    assert said.startswith(f"{tmp_path}/model.pt: the weights alone (no program of torch.export: {reason}")
    assert "\n" not in said
    assert not file.exists()
    weights = torch.load(tmp_path / "model.pt", weights_only=True)
    assert weights.keys() == model.state_dict().keys()
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())


def test_a_program_that_computes_otherwise_is_not_left(tmp_path, monkeypatch):
    model, other = trained(One), trained(One)
    program = module._program
    monkeypatch.setattr(module, "_program", lambda model, inputs: program(other, inputs))
    with pytest.raises(SweepError, match="computes otherwise"):
        export(model, lambda: examples_of(model, Data), tmp_path / "model.pt2")
    assert list(tmp_path.iterdir()) == []
