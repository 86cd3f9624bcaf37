"""The toy task. Each run appends a line "number start end" to `times` beside its folder."""

import atexit
import errno
import os
import random
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from hydra_sweep import ConfigurationError, current_trial, mistakes_explained


class OutOfMemoryError(RuntimeError):
    """Stands for torch.OutOfMemoryError."""


def act(what: str, cfg: DictConfig) -> object:
    if what.startswith("rank 1: "):
        if os.environ["RANK"] != "1":
            time.sleep(5)  # as if in a collective operation
            return float(cfg.x)
        what = what.removeprefix("rank 1: ")
    if what == "not a number":
        return float("nan")
    if what == "two":
        return cfg.x, cfg.x**2
    if what == "tell":
        current_trial().set_user_attr("cost", 10 * cfg.x)
    if what == "none":
        return None
    if what == "raise":
        raise ValueError("the toy is broken")
    if what == "disk":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "last.ckpt")
    if what == "memory":
        raise OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "kill once" and not (marker := Path("killed")).exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "kill at half" and cfg.share == 0.5 and not (marker := Path("killed")).exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "kill repeat 3 once" and "repeat_3" in HydraConfig.get().runtime.output_dir:
        return act("kill once", cfg)
    if what == "mistake":
        raise ConfigurationError("no such metric")
    if what == "at exit":
        atexit.register(Path("exited").touch)
    if what == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(60)
    if what == "fill memory":
        (Path(os.environ["TOY_MEMORY_GROUP"]) / "cgroup.procs").write_text(str(os.getpid()))
        bytearray(os.urandom(1 << 20) * 1000)
    if what == "prune":
        import optuna

        current_trial().report(0.1, step=0)
        raise optuna.TrialPruned
    return float(cfg.x) / cfg.share + (luck(cfg.seed, cfg.x, cfg.noise) if cfg.noise else 0)


def luck(seed: int, x: float, noise: float) -> float:
    return random.Random(f"{seed} {x}").gauss(0, noise)


def train(cfg: DictConfig, folder: Path) -> None:
    """Epochs, before each of which but the first the pruner is asked. Each is reported, then noted in
    `epochs` as "process epoch", the checkpoint from which a trial that was interrupted goes on."""
    import optuna

    trial = current_trial()
    file = folder / "epochs"
    first = len(file.read_text().splitlines()) if file.exists() else 0
    for epoch in range(first, cfg.epochs):
        if epoch and trial.should_prune():
            raise optuna.TrialPruned
        time.sleep(cfg.epoch_s)
        trial.report(cfg.x, epoch + 1)
        with open(file, "a") as lines:
            lines.write(f"{os.getpid()} {epoch}\n")


def report_steps(cfg: DictConfig) -> None:
    import optuna

    trial = current_trial()
    for step in range(1, cfg.steps + 1):
        time.sleep(0.02)
        trial.report(cfg.x + 1 / step, step)
        if trial.should_prune():
            raise optuna.TrialPruned


@contextmanager
def taking(mib: int) -> Iterator[None]:
    """Of the GPU that bin/nvidia-smi shows, which has 10,000 MiB."""
    own = Path(os.environ["TOY_GPU"]) / str(os.getpid())
    if mib + sum(int(file.read_text()) for file in own.parent.iterdir()) > 10_000:
        raise OutOfMemoryError(f"CUDA out of memory. Tried to allocate {mib} MiB")
    own.write_text(str(mib))
    try:
        yield
    finally:
        own.unlink()


def seconds(cfg: DictConfig) -> Sequence[float]:
    if isinstance(cfg.seconds, str):
        return [float(line) for line in Path(cfg.seconds).read_text().splitlines()]
    return cfg.seconds


@hydra.main(version_base="1.3", config_path=".", config_name="toy.yaml")
def main(cfg: DictConfig) -> object:
    hydra_cfg = HydraConfig.get()
    number = int(hydra_cfg.job.num)
    start = time.time()
    if cfg.seconds:
        with taking(cfg.gpu[number]) if cfg.gpu else nullcontext():
            time.sleep(seconds(cfg)[number])
    if cfg.epochs:
        train(cfg, Path(hydra_cfg.runtime.output_dir))
    if cfg.steps:
        report_steps(cfg)
    try:
        return act((cfg.what or {}).get(number, "return"), cfg)
    finally:
        with open(Path(hydra_cfg.runtime.output_dir).parent / "times", "a") as file:
            file.write(f"{number} {start} {time.time()}\n")
        if "RANK" in os.environ:
            with open(Path(hydra_cfg.runtime.output_dir) / f"rank{os.environ['RANK']}", "a") as file:
                file.write(f"{cfg.x} {os.environ['WORLD_SIZE']} {os.environ['MASTER_PORT']}\n")


if __name__ == "__main__":
    with mistakes_explained(Path(__file__).parent):
        main()
