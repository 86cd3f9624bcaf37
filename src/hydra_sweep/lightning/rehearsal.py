"""What a model logs, learned from a batch of training, validation and test: whether all that watches a
metric will find it. Heavy: a part of `prepare`."""

import inspect
import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from copy import deepcopy
from io import StringIO
from typing import Any

from hydra.utils import get_object
from lightning import LightningDataModule, LightningModule, Trainer
from omegaconf import DictConfig, OmegaConf

from hydra_sweep.console import say
from hydra_sweep.errors import SweepError, nearest
from hydra_sweep.lightning.measures import count_parameters, instantiate_plain
from hydra_sweep.space.constraints import parse_constraint

# Of a larger model a batch on the CPU may take longer than to find out in the trial.
MOST_PARAMETERS = 20_000_000
LIBRARIES = ("lightning", "pytorch_lightning", "hydra_sweep")
# callbacks of theirs that end a training whose model does not log what they watch
STRICT = ("EarlyStopping", "ModelCheckpoint", "Pruning")
# what Lightning has for a checkpoint to watch, whatever the model logs
ALWAYS = {"epoch", "step"}


def check_metrics(cfg: DictConfig) -> None:
    """Raises SweepError, which names all of them, where the sweep or a callback watches a metric that the
    model does not log. Of a model that cannot be rehearsed here it says nothing: the trial will."""
    if any(map(_may_log, (cfg.get("callbacks") or {}).values())):
        return
    try:
        logged = _logged(deepcopy(cfg))
    except Exception:  # of a model's or a data set's own code
        logging.getLogger(__name__).debug("No rehearsal", exc_info=True)
        return
    wrong = {name: keys for name, keys in _needed(cfg).items() if name not in logged}
    if wrong:
        said = " ".join(
            f"{', '.join(keys)}={name}: the model logs no such metric.{nearest(name, sorted(logged))}"
            for name, keys in wrong.items()
        )
        one_place = " All follow monitor= and mode=." if "monitor" in cfg and "mode" in cfg else ""
        raise SweepError(f"{said} It logs: {', '.join(sorted(logged)) or 'none'}.{one_place}")
    for name in _to_be_told(cfg) - logged:
        near = nearest(name, sorted(logged))
        say(f"hydra.sweeper.constraints: the model logs no {name}: trials have to tell it otherwise.{near}")


def _to_be_told(cfg: DictConfig) -> set[str]:
    """The metrics in constraints: like metrics they have a slash, and are not in the configuration."""
    lines = OmegaConf.select(cfg, "hydra.sweeper.constraints") or []
    lines = [lines] if isinstance(lines, str) else lines
    names = {name for line in lines for name in parse_constraint(line).names}
    return {name for name in names if "/" in name and OmegaConf.select(cfg, name) is None}


def _needed(cfg: DictConfig) -> dict[str, list[str]]:
    """The metrics without which a trial would fail, with the keys that name them."""
    names = cfg.get("optimized_metric")
    needed = {name: ["optimized_metric"] for name in ([names] if isinstance(names, str) else names or ())}
    for callback, node in (cfg.get("callbacks") or {}).items():
        if isinstance(name := _watched(node), str) and name not in ALWAYS:
            needed.setdefault(name, []).append(f"callbacks.{callback}.monitor")
    return needed


def _watched(node: Any) -> Any:
    """What a callback must find. Of the user's own, what `monitor` means is not known."""
    package, _, name = _target(node).rpartition(".")
    if name not in STRICT or package.partition(".")[0] not in LIBRARIES or node.get("strict") is False:
        return None
    return node.get("monitor")


def _target(node: Any) -> str:
    return str(node["_target_"]) if OmegaConf.is_dict(node) and "_target_" in node else ""


def _logged(cfg: DictConfig) -> set[str]:
    """The metrics that a trial's callbacks could watch, by an epoch of one batch on the CPU.

    Raises whatever the model or the data set raise.
    """
    size = count_parameters(cfg)
    if size > MOST_PARAMETERS:
        raise MemoryError(f"{size} parameters")
    model, data = instantiate_plain(cfg.model), instantiate_plain(cfg.data)
    if not isinstance(model, LightningModule) or not isinstance(data, LightningDataModule):
        raise TypeError("other objects than Lightning's")
    with _in_silence():
        trainer = _trainer()
        trainer.fit(model, data)
        logged = {*trainer.callback_metrics}
        if cfg.get("test"):
            trainer.test(model, data, verbose=False)
            logged |= {*trainer.callback_metrics}
    return logged


@contextmanager
def _in_silence() -> Iterator[None]:
    """The trials will say it."""
    level = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


def _trainer() -> Trainer:
    limits = {f"limit_{part}_batches": 1 for part in ("train", "val", "test")}
    off = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    off = dict.fromkeys(off, False)
    # Without callbacks, which may do anything: write files, or end the process.
    return Trainer(accelerator="cpu", max_epochs=1, num_sanity_val_steps=0, **limits, **off)


def _may_log(node: Any) -> bool:
    """Whether a callback of neither library calls `log`: what it logs is not known."""
    target = _target(node)
    if not target or target.partition(".")[0] in LIBRARIES:
        return False
    try:
        return bool(re.search(r"\.log(_dict)?\(", inspect.getsource(get_object(target))))
    except (OSError, TypeError):
        return True
