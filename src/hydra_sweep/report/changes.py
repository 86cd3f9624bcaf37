"""What has happened since one last looked, a line each: to trials, and to workers."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.launcher.state import Job, JobState
from hydra_sweep.pruners import PAUSED, PROMOTED
from hydra_sweep.report.words import WORDS, clock, ended_line, paused_line, short_params
from hydra_sweep.study.promotion import seconds_of
from hydra_sweep.study.queue import LOST, WORKER, attempt_of
from hydra_sweep.study.trials import Trials

# so many workers to which the same has happened have a line each, more have one together
FEW = 3


@dataclass(frozen=True)
class Change:
    """`style` is rich's; a trial `is_running` since, or `has_ended`."""

    text: str
    style: str = ""
    is_running: bool = False
    has_ended: bool = False


class Changes:
    """Of trials, as they were last read, and of the workers' jobs; what there is at first is no news."""

    def __init__(self, trials: Trials) -> None:
        self.trials = trials
        self.n_seen = len(trials.ended)
        self.running = _by_number(_begun(trials))
        self.paused = _paused_at(trials)
        self.jobs: dict[str, Job] | None = None
        self.lost: list[str] = []  # workers, whose place another may take

    def look(self, jobs: Mapping[str, Job]) -> list[Change]:
        before, self.jobs = self.jobs, dict(jobs)
        if before is None:
            return self._of_trials({})
        of_workers = self._of_workers(before)  # before it is forgotten what they had
        return [*of_workers, *self._of_trials(before)]

    def _of_trials(self, jobs: Mapping[str, Job]) -> list[Change]:
        ended = self.trials.ended[self.n_seen :]
        self.n_seen += len(ended)
        before, self.running = self.running, _by_number(_begun(self.trials))
        changes = [_ended(trial, is_new=trial.number not in before) for trial in ended]
        for number, was in before.items():
            now = self.trials.open.get(number)
            if now and attempt_of(now) > attempt_of(was):
                changes.append(_put_back(now, was, jobs))
        paused_before, self.paused = self.paused, _paused_at(self.trials)
        for number, step in self.paused.items():
            if number not in before and step != paused_before.get(number):  # between two looks
                now = self.trials.open[number]
                changes.append(Change(f"{paused_line(now)}: {short_params(now)}", WORDS[PAUSED][1]))
        for number, now in self.running.items():
            if number not in before or attempt_of(before[number]) != attempt_of(now):
                changes.append(_started(now))
        return changes

    def _of_workers(self, before: Mapping[str, Job]) -> list[Change]:
        alike: dict[str, list[str]] = defaultdict(list)
        for worker in sorted(before.keys() - self.jobs.keys()):
            if self._ended_by_itself(worker, before[worker]):
                alike["ended"].append(worker)
            else:
                self.lost.append(worker)
                alike[f"was lost ({what_happened(before[worker])})"].append(worker)
        for worker, job in self.jobs.items():
            if not job.alive or (worker in before and _state(before[worker]) == _state(job)):
                continue
            place = f" in place of {self.lost.pop(0)}" if self.lost and worker not in before else ""
            alike[f"{_state(job)}{place}"].append(worker)
        return [
            Change(line, "red" if what.startswith("was lost") else "")
            for what, workers in alike.items()
            for line in _lines(workers, what)
        ]

    def _ended_by_itself(self, worker: str, job: Job) -> bool:
        had = [one for one in self.running.values() if one.user_attrs.get(WORKER) == worker]
        return not any(map(self._is_lost, had)) and job.word in ("", "COMPLETED")

    def _is_lost(self, was: FrozenTrial) -> bool:
        now = self.trials.open.get(was.number)
        is_put_back = now is not None and attempt_of(now) > attempt_of(was)
        return now is not None and (not is_put_back or now.user_attrs.get("interrupted") == LOST)


def what_happened(job: Job | None) -> str:
    """To one that lives no more; of a process of this machine nobody says more than that."""
    if job is None or not job.word:
        return "its process is gone"
    how = {JobState.HELD: "held, so cancelled: ", JobState.CANCELLED: "by someone else: "}
    return how.get(job.state, "") + job.word


def _begun(trials: Trials) -> Iterable[FrozenTrial]:
    """Those that run on a worker, and have their parameters."""
    running = trials.in_state(TrialState.RUNNING)
    return (trial for trial in running if trial.params and trial.user_attrs.get(WORKER))


def _by_number(trials: Iterable[FrozenTrial]) -> dict[int, FrozenTrial]:
    return {trial.number: trial for trial in trials}


def _paused_at(trials: Trials) -> dict[int, int]:
    """The steps, by number."""
    return {trial.number: trial.user_attrs[PAUSED] for trial in trials.paused()}


def _started(trial: FrozenTrial) -> Change:
    how = f"starts attempt {attempt_of(trial) + 1}" if attempt_of(trial) else "started"
    if step := trial.user_attrs.get(PROMOTED):
        how = f"goes on from step {step}"
    return Change(f"trial {trial.number} {how}{_where(trial)}: {short_params(trial)}", is_running=True)


def _ended(trial: FrozenTrial, is_new: bool) -> Change:
    time = f" in {clock(seconds_of(trial))}" if trial.duration else ""
    start = f"{_where(trial)}: {short_params(trial)}" if is_new and trial.params else ""
    return Change(f"{ended_line(trial)}{time}{start}", WORDS[trial.state][1], has_ended=True)


def _put_back(now: FrozenTrial, was: FrozenTrial, jobs: Mapping[str, Job]) -> Change:
    if now.user_attrs.get(PAUSED) != was.user_attrs.get(PAUSED):
        return Change(paused_line(now), WORDS[PAUSED][1])
    why, worker = now.user_attrs.get("interrupted"), was.user_attrs.get(WORKER)
    if why == LOST:
        why = f"worker {worker} was lost ({what_happened(jobs.get(worker))})"
    elif worker:
        why = f"{why} on worker {worker}"
    return Change(f"trial {now.number} put back, attempt {attempt_of(now) + 1} follows: {why}", "magenta")


def _where(trial: FrozenTrial) -> str:
    worker = trial.user_attrs.get(WORKER)
    return f" on worker {worker}" if worker else ""


def _state(job: Job) -> str:
    """In words; of what waits also why, but for the two reasons that mean its turn has not come."""
    if job.state == JobState.RUNNING:
        return "started"
    reason = job.word.partition("(")[2].rstrip(")")
    return "pending" if reason in ("", "Priority", "Resources", "None") else f"pending ({reason})"


def _lines(workers: list[str], what: str) -> list[str]:
    if len(workers) <= FEW:
        return [f"worker {worker} {what}" for worker in workers]
    return [f"{len(workers)} workers {what}: {workers[0]}, {workers[1]} … {workers[-1]}"]
