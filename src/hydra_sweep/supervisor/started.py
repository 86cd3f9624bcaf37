"""The command that this process was started by, as far as other commands are made of it."""

import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from hydra_sweep.settings import AUTO, NEW
from hydra_sweep.study.secrets import hidden, masked
from hydra_sweep.supervisor.launching import threads_each
from hydra_sweep.sweep import Plan, Sweep

VARIABLE = re.compile(r"\$\{oc\.env:\s*([^\s,}]+)")
SECRET = re.compile(
    r"secret|token|pass(w|phrase|_|$)|_pwd(_|$)|credential|(^|_)(api|access|private)?key(_|$)",
    re.IGNORECASE,
)
# what any shell of the user's has
COMMON = {"HOME", "HOSTNAME", "LANG", "LOGNAME", "PATH", "PWD", "SHELL", "TMPDIR", "USER"}
ENVIRON = Path("/proc/self/environ")
THREADS = "OMP_NUM_THREADS"
# of hydra.sweeper: what is of the search, and not of its trials
OF_SEARCH = ("params", "when", "prior", "custom_search_space", "constraints", "enqueue", "warm_start")
OF_SEARCH += ("confirm", "repeats", "fidelity", "go_on")


def started(sweep: Sweep, cfg: DictConfig, plan: Plan) -> dict[str, Any]:
    """What `report.commands.Commands` is made of. `cfg` is the configuration of an example trial.

    `shell` is what the configuration takes of the user's shell, `environment` also what the application has
    set by itself, each None where it is a secret; `path` is where Python looks beside its own places;
    `threads` is what each trial has, None where that is not known; `search` names what of `hydra.sweeper`
    is of the search alone, `prefer` what it says of the front. There is a `seed` where the configuration
    has one.
    """
    settings = sweep.settings
    variables = _variables(cfg)
    given = _given_to_process()
    search = [name for name in OF_SEARCH if getattr(settings, name)]
    seed = OmegaConf.select(cfg, "seed", throw_on_resolution_failure=False)
    return {
        **({"seed": seed} if "seed" in cfg else {}),
        "cwd": os.getcwd(),
        "python": _python(),
        "program": _program(),
        "arguments": [masked(hidden(word)) for word in _arguments(sweep)],
        "shell": {name: value for name, value in variables.items() if name in given - COMMON},
        "environment": variables,
        "path": list(dict.fromkeys(place for place in sys.path if place and not _is_pythons(place))),
        "threads": _threads(sweep, plan),
        "prefer": settings.prefer,
        "search": search + [f"stop.{name}" for name in settings.stop],
    }


def _python() -> list[str]:
    """The interpreter, as the user would write it."""
    if os.environ.get("UV_RUN_RECURSION_DEPTH"):  # `uv run` sets it
        return ["uv", "run", "python"]
    return ["python"] if _is_found("python", sys.executable) else [_near(sys.executable)]


def _program() -> list[str]:
    """The words before the arguments: `python app.py`, `python -m package`, or an installed command."""
    python = _python()
    if spec := getattr(sys.modules["__main__"], "__spec__", None):
        return [*python, "-m", spec.name.removesuffix(".__main__")]
    name = os.path.basename(sys.argv[0])
    return [*python[:-1], name] if _is_found(name, sys.argv[0]) else [*python, sys.argv[0]]


def _is_found(name: str, file: str) -> bool:
    """Whether a shell takes this file for the name."""
    found = shutil.which(name)
    return bool(found) and os.path.exists(file) and os.path.samefile(found, file)


def _near(file: str) -> str:
    return os.path.relpath(file) if Path(file).is_relative_to(Path.cwd()) else file


def _arguments(sweep: Sweep) -> list[str]:
    """Those that were given, but for `study=new`, which would begin another."""
    if sweep.settings.study != NEW:
        return sys.argv[1:]
    study = ("hydra.sweeper.study=", "hydra.sweeper.study_name=")
    kept = [word for word in sys.argv[1:] if not word.lstrip("+").startswith(study)]
    name = sweep.settings.study_name
    return [*kept, f"hydra.sweeper.study_name={name}", "hydra.sweeper.study=resume"]


def _variables(cfg: DictConfig) -> dict[str, str | None]:
    names = VARIABLE.findall(str(OmegaConf.to_container(cfg, resolve=False)))
    return {name: _unless_secret(name, os.environ[name]) for name in names if name in os.environ}


def _unless_secret(name: str, value: str) -> str | None:
    return None if SECRET.search(name) or masked(hidden(value)) != value else value


def _given_to_process() -> set[str]:
    """The names of the variables that there were before any code of the application ran."""
    try:
        lines = os.fsdecode(ENVIRON.read_bytes()).split("\0")
    except OSError:
        return set(os.environ)
    return {line.partition("=")[0] for line in lines}


def _is_pythons(place: str) -> bool:
    return any(Path(place).is_relative_to(prefix) for prefix in (sys.prefix, sys.base_prefix))


def _threads(sweep: Sweep, plan: Plan) -> int | None:
    if (given := os.environ.get(THREADS, "")).isdigit():
        return int(given)
    if sweep.settings.slots == AUTO:
        return None
    if plan.on_this_machine:
        return threads_each(sweep)
    cpus = sweep.config.hydra.launcher.get("cpus_per_task")
    return max(1, cpus // sweep.settings.least_slots) if cpus else None
