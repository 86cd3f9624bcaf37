import optuna

# the study's attribute: how many trials there were when it was stopped
STOPPED = "stopped"


class SweepStudy(optuna.Study):
    """A study that a sampler, or whoever has it, may stop as within `Study.optimize`: trials that run go on
    to their end, and no other is begun, until more are asked for."""

    def stop(self) -> None:
        self.set_user_attr(STOPPED, len(self.get_trials(deepcopy=False)))


def is_stopped(study: optuna.Study, n_trials: int) -> bool:
    return study.user_attrs.get(STOPPED, 0) >= n_trials
