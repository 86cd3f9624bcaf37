import pytest
import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import LambdaCallback
from lightning.pytorch.profilers import SimpleProfiler
from torch import nn
from torch.utils.data import DataLoader

from hydra_sweep.lightning import FastSteps
from hydra_sweep.lightning.fast_steps import HOOKS


class Plain(LightningModule):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
        self.indices: list[int] = []

    def training_step(self, batch, batch_idx):
        self.indices.append(batch_idx)
        loss = self.net(batch).square().mean()
        self.log("loss", loss, on_step=False, on_epoch=True)
        return loss

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), 0.1)


class Fast(FastSteps, Plain):
    def training_step(self, batch, batch_idx):
        return super().training_step(batch, batch_idx)


class WithoutIndex(FastSteps, Plain):
    def training_step(self, batch):
        return super().training_step(batch, -1)


def trained(model: Plain, **kwargs) -> Plain:
    data = torch.arange(48.0).view(12, 4) / 48
    off = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    trainer = Trainer(max_epochs=3, accelerator="cpu", **dict.fromkeys(off, False), **kwargs)
    trainer.fit(model, DataLoader(data, batch_size=2))
    assert trainer.callback_metrics["loss"] > 0
    return model


def test_a_training_is_the_same_bit_for_bit():
    for kwargs in ({}, {"accumulate_grad_batches": 2}, {"gradient_clip_val": 0.1}):
        plain, fast = trained(Plain(), **kwargs), trained(Fast(), **kwargs)
        assert fast.indices == plain.indices == 3 * [*range(6)]
        assert all(map(torch.equal, fast.parameters(), plain.parameters()))


def test_a_step_is_called_with_what_it_takes():
    assert set(trained(WithoutIndex()).indices) == {-1}


def counting(hook: str, base: type):
    """What is called at the hook, in a class with that base, which it asks too."""
    calls = []

    def called(self, *args, **kwargs):
        calls.append(hook)
        return getattr(super(made, self), hook)(*args, **kwargs)

    made = type("Made", (base,), {hook: called})
    return made, calls


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_that_is_defined_is_called(hook):
    of_class, by_class = counting(hook, Callback)
    of_module, by_module = counting(hook, Fast)
    by_hand = []
    of_lambda = LambdaCallback(**{hook: lambda *_: by_hand.append(hook)})
    trained(of_module(), callbacks=[Callback(), of_class(), of_lambda])
    assert by_class == by_module == by_hand == 18 * [hook]


def test_who_profiles_sees_each_hook():
    profiler = SimpleProfiler()
    trained(Fast(), profiler=profiler)
    seen = {name.rpartition(".")[2]: len(times) for name, times in profiler.recorded_durations.items()}
    assert (seen["training_step"], seen["run_training_epoch"]) == (18, 3)
