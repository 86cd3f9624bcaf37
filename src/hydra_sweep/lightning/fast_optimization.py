from collections.abc import Callable
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.loops.optimization.automatic import ClosureResult, _AutomaticOptimization
from lightning.pytorch.plugins.precision import DoublePrecision, HalfPrecision, MixedPrecision, Precision
from lightning.pytorch.profilers import PassThroughProfiler
from lightning.pytorch.strategies import SingleDeviceStrategy
from torch import Tensor, optim
from torch.optim import Optimizer
from torch.optim import optimizer as torchs

from hydra_sweep.lightning.fused_adam import FusedAdam, is_fused_adam

# what may come between the parts of a step, of the module and of callbacks; and of the module alone
HOOKS = ("on_before_zero_grad", "on_before_backward", "on_after_backward", "on_before_optimizer_step")
PARTS = ("backward", "optimizer_step", "configure_gradient_clipping", "clip_gradients")
# of these only MixedPrecision with a scaler does
PRECISIONS = (Precision, MixedPrecision, HalfPrecision, DoublePrecision)


class FastOptimization(_AutomaticOptimization):
    """The part of Lightning's loop that trains on one batch, less 0.1 ms of calls: on a single device, in a
    precision that scales nothing, where a training step returns the loss and nobody has defined what is
    called between. All else is left to Lightning.

    Args:
        before: the trainer's, whose progress it goes on with.
    """

    def __init__(self, before: _AutomaticOptimization) -> None:
        super().__init__(before.trainer)
        vars(self).update(vars(before))
        self._looked_at: tuple[Any, ...] = ()
        self._step: Callable[[], Any] | None = None  # None: Lightning is to do all

    def run(self, optimizer: Optimizer, batch_idx: int, kwargs: dict[str, Any]) -> dict[str, Any]:
        trainer = self.trainer
        if not self._is_plain_now(optimizer):
            return super().run(optimizer, batch_idx, kwargs)
        module, progress = trainer.lightning_module, self.optim_progress.optimizer
        outer, module._current_fx_name = module._current_fx_name, "training_step"
        with trainer.precision_plugin.forward_context():
            loss = module.training_step(*kwargs.values())
        if not isinstance(loss, Tensor):
            module._current_fx_name = outer
            return self._go_on(loss, optimizer, batch_idx)
        outputs = {"loss": loss.detach().clone()}
        module._current_fx_name = "optimizer_zero_grad"
        progress.step.increment_ready()
        progress.zero_grad.increment_ready()
        progress.zero_grad.increment_started()
        module.optimizer_zero_grad(trainer.current_epoch, batch_idx, optimizer)
        progress.zero_grad.increment_completed()
        module._current_fx_name = "backward"
        loss.backward()
        module._current_fx_name = "optimizer_step"
        self._step()
        progress.step.increment_completed()
        module._current_fx_name = outer
        return outputs

    def _is_plain_now(self, optimizer: Optimizer) -> bool:
        trainer = self.trainer
        now = optimizer, trainer.current_epoch, *trainer.callbacks
        if self._looked_at != now:
            self._looked_at = now
            self._step = _step_of(optimizer) if is_plain(trainer) else None
        return (
            self._step is not None
            and trainer.accumulate_grad_batches == 1
            and trainer.gradient_clip_val is None
            and not self._skip_backward
            and is_bare(optimizer)
            and torch.is_grad_enabled()
        )

    def _go_on(self, output: Any, optimizer: Optimizer, batch_idx: int) -> dict[str, Any]:
        """As Lightning does with what a training step returned."""
        self._training_step = lambda kwargs: ClosureResult.from_training_step_output(output)
        try:
            return super().run(optimizer, batch_idx, {})
        finally:
            del self._training_step


def is_plain(trainer: Trainer) -> bool:
    """Whether a step has but a forward pass, a backward pass and an update."""
    module = trainer.lightning_module
    return (
        type(trainer.strategy) is SingleDeviceStrategy
        and type(trainer.precision_plugin) in PRECISIONS
        and getattr(trainer.precision_plugin, "scaler", None) is None
        and isinstance(trainer.profiler, PassThroughProfiler)
        and trainer.strategy.model is module
        and not any(defines(module, name, LightningModule) for name in (*HOOKS, *PARTS))
        and not any(defines(one, name, Callback) for one in trainer.callbacks for name in HOOKS)
    )


def defines(one: Any, name: str, base: type) -> bool:
    """Whether it has a method of its own in place of its base class's, or of the None of FastSteps."""
    method = vars(one).get(name, getattr(type(one), name))
    return method is not None and method is not getattr(base, name)


def is_bare(optimizer: Optimizer) -> bool:
    """Whether nobody is asked when it steps; a scheduler only notes that it did."""
    step = vars(optimizer).get("step")
    of_scheduler = hasattr(step, "_wrapped_by_lr_sched") and step.__wrapped__ is type(optimizer).step
    return (step is None or of_scheduler) and not (
        optimizer._optimizer_step_pre_hooks
        or optimizer._optimizer_step_post_hooks
        or torchs._global_optimizer_pre_hooks
        or torchs._global_optimizer_post_hooks
    )


def _step_of(optimizer: Optimizer) -> Callable[[], Any] | None:
    """None where it may need the closure for more than to be called once, first."""
    if is_fused_adam(optimizer):
        return FusedAdam(optimizer).step
    of_torch = type(optimizer).__module__.startswith("torch.optim.")
    return (lambda: optimizer.step()) if of_torch and not isinstance(optimizer, optim.LBFGS) else None
