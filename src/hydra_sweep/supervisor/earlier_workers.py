"""The workers of an earlier supervisor, which lives no more: they went on by themselves."""

import time
from collections.abc import Iterable
from typing import Any

from hydra_sweep.console import say
from hydra_sweep.launcher.state import Job, JobState
from hydra_sweep.supervisor.end_workers import cancel
from hydra_sweep.supervisor.workers import POLL_S, WORKERS, Workers, known_ids, named


def adopt(workers: Workers, busy: set[str]) -> None:
    """Watches over the workers of an earlier supervisor that live, `busy` among them. Ends those that
    were started otherwise than this sweep asks for, and those beyond `n_jobs`."""
    known = workers.study.user_attrs.get(WORKERS, {"places": {}})
    jobs = _heard_of(workers, known_ids(workers.study, workers.sweep.address.folder) | busy)
    workers.launcher.cancel([i for i, job in jobs.items() if job.state == JobState.HELD])
    # the busy first, so that they stay
    alive = sorted((i for i, job in jobs.items() if job.alive), key=lambda i: (i not in busy, i))
    workers.places = {i: known["places"][i] for i in alive if i in known["places"]}
    for i in alive:
        if i not in workers.places:
            workers.places[i] = next(workers.free_places())
    if alive and (changed := _differing(known.get("started with", {}), workers.started_with())):
        say(f"Workers of an earlier supervisor end, for they were started with other {changed}.")
        cancel(workers)
    elif beyond := alive[_most(workers) :]:
        say(f"Workers of an earlier supervisor end, for there are more than n_jobs: {named(beyond)}")
        cancel(workers, beyond)
    if workers.ids:
        say(f"Workers of an earlier supervisor go on: {named(workers.ids)}")


def _heard_of(workers: Workers, ids: Iterable[str]) -> dict[str, Job]:
    """How these jobs are, once the launcher's system answers."""
    jobs = workers.launcher.look(sorted(ids))
    if workers.launcher.is_silent:
        say("No answer about the workers of an earlier supervisor: waiting for one …")
    while workers.launcher.is_silent:
        time.sleep(max(POLL_S, workers.launcher.answer_age_s + POLL_S))
        jobs = workers.launcher.look(sorted(ids))
    return jobs


def _most(workers: Workers) -> int | None:
    settings = workers.sweep.settings
    queues_all = settings.trials_per_job and not settings.wait
    return None if queues_all else settings.n_jobs


def _differing(was: dict[str, Any], now: dict[str, Any]) -> str:
    """The names of what is not the same, in words; nothing where it is not known what was."""
    return " and ".join(key for key in was if was[key] != now.get(key))
