import optuna

from hydra_sweep.study.database import one_connection


class LiveTrial(optuna.Trial):
    """A trial that may have been put back: what an earlier attempt at it has reported stays, and is not
    reported again, without Optuna's warning at each step."""

    def report(self, value: float, step: int) -> None:
        with one_connection(self.storage):
            if step not in self.storage.get_trial(self._trial_id).intermediate_values:
                super().report(value, step)

    def should_prune(self) -> bool:
        with one_connection(self.storage):
            return super().should_prune()
