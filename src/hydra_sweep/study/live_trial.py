import optuna


class LiveTrial(optuna.Trial):
    """A trial that may have been put back: what an earlier attempt at it has reported stays, and is not
    reported again, without Optuna's warning at each step."""

    def report(self, value: float, step: int) -> None:
        if step not in self.storage.get_trial(self._trial_id).intermediate_values:
            super().report(value, step)
