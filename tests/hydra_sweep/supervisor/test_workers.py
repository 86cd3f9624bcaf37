"""What becomes of workers, with a launcher whose jobs do as they are told."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from omegaconf import OmegaConf

from hydra_sweep.errors import SweepError
from hydra_sweep.launcher.state import Job, JobState
from hydra_sweep.settings import Settings
from hydra_sweep.space.fidelity import Fidelity
from hydra_sweep.space.search_space import SearchSpace
from hydra_sweep.study.storage import StudyAddress
from hydra_sweep.supervisor import end_workers, workers
from hydra_sweep.supervisor.earlier_workers import adopt
from hydra_sweep.supervisor.workers import Workers

RUNNING = Job(JobState.RUNNING)


class Launcher:
    answer_age_s = 0.0
    is_silent = False
    jobs_share_machine = False

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self.places: dict[str, int] = {}
        self.refuses = self.answers_not = False

    def submit(self, job_overrides: Sequence, places: Sequence[int], at_once: int) -> list[str]:
        if self.refuses:
            raise SweepError("sbatch refuses the job: too many")
        if self.answers_not:
            return []
        ids = [str(len(self.jobs) + i) for i in range(len(places))]
        self.jobs |= dict.fromkeys(ids, RUNNING)
        self.places |= dict(zip(ids, places, strict=True))
        return ids

    def look(self, job_ids: Sequence[str]) -> dict[str, Job]:
        return {i: self.jobs.get(i, Job(JobState.ENDED)) for i in job_ids}

    def cancel(self, job_ids: Sequence[str], force: bool = False) -> None:
        self.jobs |= dict.fromkeys(job_ids, Job(JobState.CANCELLED))

    def end(self, job_id: str, state: JobState = JobState.ENDED) -> None:
        self.jobs[job_id] = Job(state, "word")

    @property
    def living(self) -> list[str]:
        return [i for i, job in self.jobs.items() if job.alive]


@pytest.fixture
def launcher(monkeypatch) -> Launcher:
    for pause in ("SECOND_LOOK_S", "RETRY_S", "POLL_S"):
        monkeypatch.setattr(workers, pause, 0.0)
    monkeypatch.setattr(end_workers, "POLL_S", 0.0)
    return Launcher()


@pytest.fixture
def supervise(launcher, tmp_path: Path):
    """Makes the workers of a supervisor of one sweep, as each new one would."""
    address = StudyAddress("toy", tmp_path)
    study = address.create(["maximize"], {})

    def workers_of(
        n_jobs: int = 3, slots: int = 1, fidelity: Fidelity | None = None, **settings
    ) -> Workers:
        node = OmegaConf.create({"_target_": "optuna.samplers.RandomSampler"})
        parsed = Settings(
            sampler=node,
            pruner=node,
            study_name="toy",
            n_jobs=n_jobs,
            slots=slots,
            max_retries=1,
            **settings,
        )
        space = SearchSpace({}, [])
        sweep = SimpleNamespace(address=address, settings=parsed, space=space, fidelity=fidelity)
        return Workers(sweep, study, launcher, [])

    return workers_of


def test_who_takes_a_workers_place_takes_its_gpu(supervise, launcher):
    first = supervise()
    first.keep(3, 0)
    launcher.end("1")
    first.keep(3, 1)
    assert launcher.places == {"0": 0, "1": 1, "2": 2, "3": 1}

    second = supervise()
    adopt(second, busy={"3"})
    assert sorted(second.ids) == ["0", "2", "3"]
    launcher.end("0")
    second.keep(3, 2)
    assert launcher.places["4"] == 0


def test_workers_that_keep_ending_stop_the_sweep(supervise, launcher):
    one = supervise(n_jobs=1)
    for i in range(4):  # the first, and one more than n_jobs and max_retries
        one.keep(1, 0)
        launcher.end(str(i))
    with pytest.raises(SweepError, match="keep ending before any work is done"):
        one.keep(1, 0)


def test_that_none_can_be_started_just_now_is_nobodys_fault(supervise, launcher):
    one = supervise()
    one.keep(3, 0)
    launcher.end("1")
    launcher.answers_not = True
    for _ in range(50):
        one.keep(3, 0)
    launcher.answers_not = False
    one.keep(3, 0)
    assert launcher.living == ["0", "2", "3"]


def test_a_refusal_stops_the_sweep_only_where_no_worker_lives(supervise, launcher, capsys):
    one = supervise()
    one.keep(2, 0)
    launcher.refuses = True
    for _ in range(5):
        one.keep(3, 0)
    assert capsys.readouterr().out.count("sbatch refuses the job: too many") == 1
    assert launcher.living == ["0", "1"]
    for i in ("0", "1"):
        launcher.end(i)
    with pytest.raises(SweepError, match="sbatch refuses the job"):
        one.keep(3, 1)


def test_a_job_that_is_held_is_cancelled_and_replaced(supervise, launcher):
    one = supervise()
    one.keep(3, 0)
    launcher.end("1", JobState.HELD)
    one.keep(3, 1)
    assert launcher.jobs["1"].state == JobState.CANCELLED
    assert launcher.living == ["0", "2", "3"]


def test_those_cancelled_by_someone_are_replaced_max_retries_times(supervise, launcher):
    one = supervise(n_jobs=2)
    one.keep(2, 0)
    for i in ("0", "1"):
        launcher.end(i, JobState.CANCELLED)
    assert not one.running(["0", "1"])
    assert one.was_cancelled("0")
    assert not one.was_cancelled(None)
    one.keep(2, 0)
    assert launcher.living == ["2"]
    launcher.end("2", JobState.CANCELLED)
    with pytest.raises(SweepError, match="3 workers were cancelled by someone else"):
        one.keep(2, 0)


@pytest.mark.parametrize(
    ("change", "left", "said"),
    [
        ({}, ["0", "1", "2"], "go on: 1, 0, 2"),
        ({"n_jobs": 1}, ["1"], "more than n_jobs: 0, 2"),
        ({"slots": 2}, [], "started with other slots"),
        ({"fidelity": Fidelity("share", (0.1, 1.0))}, [], "started with other fidelity"),
    ],
)
def test_workers_that_are_not_as_asked_for_end(supervise, launcher, capsys, change, left, said):
    supervise().keep(3, 0)
    second = supervise(**change)
    adopt(second, busy={"1"})
    assert launcher.living == left
    assert sorted(second.ids) == left
    assert said in capsys.readouterr().out
    assert sorted(second.study.user_attrs["ending"] if change else []) == sorted(
        {"0", "1", "2"} - set(left)
    )


def test_a_worker_that_was_started_but_not_noted_is_found(supervise, launcher, tmp_path):
    launcher.submit([[]], [0], at_once=1)
    (tmp_path / "workers").mkdir()
    (tmp_path / "workers/0_submitted.pkl").touch()
    one = supervise()
    adopt(one, busy=set())
    assert one.ids == ["0"]
