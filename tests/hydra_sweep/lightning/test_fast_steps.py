from copy import deepcopy
from functools import wraps
from typing import Any

import pytest
import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import (
    EarlyStopping,
    GradientAccumulationScheduler,
    LambdaCallback,
    LearningRateFinder,
    StochasticWeightAveraging,
)
from lightning.pytorch.loops.optimization.automatic import _AutomaticOptimization
from lightning.pytorch.profilers import SimpleProfiler
from torch import nn
from torch.utils.data import DataLoader

from hydra_sweep.lightning import FastSteps
from hydra_sweep.lightning.fast_steps import HOOKS


class Plain(LightningModule):
    def __init__(
        self, optimizer=torch.optim.Adam, returned=lambda loss, batch_idx: loss, **options
    ) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
        self.make_optimizer = lambda parameters: optimizer(parameters, lr=0.1, **options)
        self.returned = returned
        self.indices: list[int] = []
        self.outputs: list[Any] = []

    def training_step(self, batch, batch_idx):
        self.indices.append(batch_idx)
        loss = self.net(batch).square().mean()
        self.log("loss", loss, on_step=False, on_epoch=True)
        return self.returned(loss, batch_idx)

    def on_train_batch_end(self, outputs, batch, batch_idx):
        self.outputs.append(outputs)

    def configure_optimizers(self):
        return self.make_optimizer(self.parameters())


class Fast(FastSteps, Plain):
    def training_step(self, batch, batch_idx):
        return super().training_step(batch, batch_idx)


class WithoutIndex(FastSteps, Plain):
    def training_step(self, batch):
        return super().training_step(batch, -1)


class Clipping:
    def configure_gradient_clipping(self, optimizer, gradient_clip_val, gradient_clip_algorithm):
        self.clip_gradients(optimizer, 0.01, "value")


class Stepping:
    def optimizer_step(self, epoch, batch_idx, optimizer, optimizer_closure):
        for group in optimizer.param_groups:
            group["lr"] = 0.1 / (1 + epoch)
        super().optimizer_step(epoch, batch_idx, optimizer, optimizer_closure)


class Doubling:
    def backward(self, loss):
        super().backward(2 * loss)


class Accumulating:
    def optimizer_zero_grad(self, epoch, batch_idx, optimizer):
        self.log("batch", float(batch_idx))
        if batch_idx % 2 == 0:
            super().optimizer_zero_grad(epoch, batch_idx, optimizer)


class Logging:
    """While it goes back."""

    def on_fit_start(self):
        self.net[0].weight.register_hook(lambda grad: self.log("norm", grad.norm(), on_epoch=True))


class Hooked:
    """Torch calls it before the forward pass, which the optimizer is given as a closure."""

    def configure_optimizers(self):
        optimizer = super().configure_optimizers()
        optimizer.register_step_pre_hook(self.shrink)
        return optimizer

    def shrink(self, optimizer, args, kwargs):
        assert kwargs["closure"]
        with torch.no_grad():
            self.net[0].weight.mul_(0.9)


class Wrapped:
    def configure_optimizers(self):
        optimizer = super().configure_optimizers()
        step = optimizer.step
        optimizer.step = wraps(type(optimizer).step)(
            lambda closure: self.net[0].bias.data.mul_(0.9) + step(closure)
        )
        return optimizer


class Scheduled:
    def configure_optimizers(self):
        optimizer = super().configure_optimizers()
        scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=18)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


class Clipped:
    """From the midst of an epoch on."""

    def on_train_batch_start(self, batch, batch_idx):
        if batch_idx == 3:
            self.trainer.gradient_clip_val = 0.01


def trained(model: Plain, **kwargs) -> Plain:
    data = torch.arange(48.0).view(12, 4) / 48
    off = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    trainer = Trainer(max_epochs=3, accelerator="cpu", **dict.fromkeys(off, False), **kwargs)
    trainer.fit(model, DataLoader(data, batch_size=2))
    assert trainer.callback_metrics["loss"] > 0
    return model


# of a module, what it is made with; of the trainer; and of classes above the module
SAME: dict[str, tuple[dict[str, Any], dict[str, Any], tuple[type, ...]]] = {
    "Adam": ({}, {}, ()),
    "fused Adam": ({"fused": True}, {}, ()),
    "fused AdamW": ({"optimizer": torch.optim.AdamW, "fused": True}, {}, ()),
    "SGD": ({"optimizer": torch.optim.SGD, "momentum": 0.9}, {}, ()),
    "LBFGS": ({"optimizer": torch.optim.LBFGS}, {}, ()),
    "accumulated": ({"fused": True}, {"accumulate_grad_batches": 2}, ()),
    "clipped": ({"fused": True}, {"gradient_clip_val": 0.1}, ()),
    "bf16": ({"fused": True}, {"precision": "bf16-mixed"}, ()),
    "bf16 alone": ({"fused": True}, {"precision": "bf16-true"}, ()),
    "double": ({"fused": True}, {"precision": "64-true"}, ()),
    "clips by itself": ({"fused": True}, {}, (Clipping,)),
    "steps by itself": ({"fused": True}, {}, (Stepping,)),
    "goes back by itself": ({"fused": True}, {}, (Doubling,)),
    "forgets gradients by itself": ({"fused": True}, {}, (Accumulating,)),
    "logs in the backward pass": ({"fused": True}, {}, (Logging,)),
    "is asked before a step": ({"fused": True}, {}, (Hooked,)),
    "has its step wrapped": ({"fused": True}, {}, (Wrapped,)),
    "has a scheduler": ({"fused": True}, {}, (Scheduled,)),
    "clips from then on": ({"fused": True}, {}, (Clipped,)),
    "returns a dict": ({"fused": True, "returned": lambda loss, _: {"loss": loss, "more": 1}}, {}, ()),
    "skips": ({"fused": True, "returned": lambda loss, i: loss if i % 3 else None}, {}, ()),
}


@pytest.mark.filterwarnings("ignore:`training_step` returned `None`")
@pytest.mark.parametrize(("made_with", "of_trainer", "above"), SAME.values(), ids=SAME)
def test_a_training_is_the_same_bit_for_bit(made_with, of_trainer, above):
    plain, fast = (
        trained(type("Made", (*above, base), {})(**made_with), **of_trainer) for base in (Plain, Fast)
    )
    assert fast.indices == plain.indices
    assert all(map(torch.equal, fast.parameters(), plain.parameters()))
    assert fast.outputs == plain.outputs
    assert fast.trainer.global_step == plain.trainer.global_step > 0
    assert fast.trainer.logged_metrics == plain.trainer.logged_metrics
    assert fast.trainer.fit_loop.state_dict() == plain.trainer.fit_loop.state_dict()


@pytest.mark.filterwarnings("ignore:When using `Trainer.accumulate_grad_batches")
def test_what_a_callback_changes_in_the_midst_is_kept():
    callbacks = [GradientAccumulationScheduler({1: 3}), StochasticWeightAveraging(0.01, swa_epoch_start=2)]
    for callback in callbacks:
        plain, fast = (trained(one(fused=True), callbacks=[deepcopy(callback)]) for one in (Plain, Fast))
        assert all(map(torch.equal, fast.parameters(), plain.parameters()))


def test_callbacks_that_were_away_are_asked_when_they_are_back(tmp_path):
    """The finder has the others away while it trains, in the same epoch."""
    of_class, calls = counting("on_before_optimizer_step", Callback)
    finder = LearningRateFinder(num_training_steps=4)
    model = Fast(fused=True)
    model.lr = 0.1
    trained(model, callbacks=[finder, of_class()], default_root_dir=tmp_path)
    assert calls == 18 * ["on_before_optimizer_step"]


def test_a_second_fit_goes_on():
    plain, fast = trained(Plain(fused=True)), trained(Fast(fused=True))
    for one in (plain, fast):
        one.trainer.fit_loop.max_epochs = 5
        one.trainer.fit(one, DataLoader(torch.ones(12, 4), batch_size=2))
    assert fast.trainer.global_step == plain.trainer.global_step == 5 * 6
    assert all(map(torch.equal, fast.parameters(), plain.parameters()))


def test_lightnings_own_way_is_not_taken_where_there_is_nothing_between(monkeypatch):
    steps, run = [], _AutomaticOptimization.run
    monkeypatch.setattr(_AutomaticOptimization, "run", lambda *args: steps.append(args) or run(*args))
    trained(Fast(fused=True), callbacks=[EarlyStopping("loss")])
    assert not steps
    trained(Fast(fused=True), gradient_clip_val=0.1)
    assert len(steps) == 18


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
