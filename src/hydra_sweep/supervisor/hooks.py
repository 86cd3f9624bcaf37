"""What a sweep has done before its first trial and after its last, in processes beside the supervisor's, so
that it may import what it likes."""

from collections.abc import Callable
from functools import partial
from typing import Any

from omegaconf import DictConfig

from hydra_sweep.console import say
from hydra_sweep.errors import SweepError
from hydra_sweep.fork_server import ForkServer
from hydra_sweep.space.compose import in_force
from hydra_sweep.supervisor.preload import preload
from hydra_sweep.supervisor.tracking import Tracking
from hydra_sweep.sweep import Plan, Sweep


class Hooks:
    """`hydra.sweeper.prepare` and `finish`, by forks of the `server`, which local workers are forks of too;
    and the tracker. `cfg` is always the configuration of an example trial."""

    def __init__(self, sweep: Sweep, server: ForkServer | None = None) -> None:
        self.sweep = sweep
        self.server = server or ForkServer(partial(preload, sweep))
        self.tracking = Tracking(sweep)

    def start(self) -> None:
        """Has imports begin, while there are still checks to do."""
        self.server.start()
        self.tracking.start()

    def stop(self) -> None:
        self.server.stop()
        self.tracking.stop()

    def do_without_imports(self) -> None:
        """What trials need, for there are none to run."""
        self.server.stop()
        self.server.preload = lambda: None

    def prepare(self, cfg: DictConfig, plan: Plan) -> dict[str, Any]:
        """The study's attributes that come of it. Raises SweepError where no trial should be started."""
        attrs: dict[str, Any] = {}
        if hooks := self.sweep.settings.hooks("prepare"):
            for result in self.server.call(hooks, partial(in_force, cfg), lambda: plan):
                attrs |= result or {}
        # Last, so that a sweep that is refused leaves nothing behind.
        return attrs | self.tracking.prepare(cfg, plan)

    def finish(self, cfg: DictConfig, report: Callable[[], list[str]] = list) -> list[str]:
        """What to look further at, first of all the `report`, for which the hooks do not wait, but the
        tracker, which keeps it."""
        lines: list[str] = []
        if hooks := self.sweep.settings.hooks("finish"):
            try:
                done = self.server.call(hooks, partial(in_force, cfg), self.sweep.address.load)
                lines = [line for one in done for line in one or ()]
            except SweepError as error:  # no reason to withhold the results
                say(str(error))
        return [*report(), *lines, *self.tracking.finish(cfg)]
