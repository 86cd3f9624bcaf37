from optuna.trial import TrialState

from hydra_sweep.study.outcome import Outcome
from hydra_sweep.worker.reports import first_failure, to_report


def test_a_killed_rank_is_worse_news_than_a_failed_one_and_the_first_to_fail_is_to_blame():
    late, early = (to_report(Outcome(TrialState.FAIL, reason="connection closed", at=at)) for at in (2, 1))
    killed, fine = (
        to_report(None, "killed (SIGKILL)"),
        to_report(Outcome(TrialState.PRUNED, reason="pruned")),
    )
    assert first_failure({0: early, 1: late, 2: killed, 3: fine}) == (2, killed)
    assert first_failure({0: late, 1: early, 3: fine}) == (1, early)
    assert first_failure({0: early, 1: late}) == (0, early)
    assert first_failure({1: fine}) is None
