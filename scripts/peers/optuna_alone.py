"""Optuna alone: two processes on one journal, as its documentation says, forked once torch is imported."""

import multiprocessing
import sys
from pathlib import Path

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import MaxTrialsCallback

from scripts.peers.common_trials import CommonTPE
from scripts.peers.loop import CHOICES, LR, N_JOBS, Search, train


def work(search: Search, place: int) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def objective(trial: optuna.Trial) -> float:
        parameters = {name: trial.suggest_categorical(name, values) for name, values in CHOICES.items()}
        parameters["lr"] = trial.suggest_float("lr", *LR, log=True)
        for epoch, best in train(parameters, search):
            trial.report(best, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        return best

    study = optuna.create_study(
        study_name="mnist",
        storage=JournalStorage(JournalFileBackend(str(Path(search.folder) / "study.journal"))),
        load_if_exists=True,
        direction="maximize",
        sampler=CommonTPE(search.seed, seed=N_JOBS * search.seed + place, constant_liar=True),
        pruner=optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3),
    )
    study.optimize(objective, callbacks=[MaxTrialsCallback(search.trials, states=None)])


def main() -> None:
    search = Search.from_arguments()
    fork = multiprocessing.get_context("fork")
    workers = [fork.Process(target=work, args=(search, place)) for place in range(N_JOBS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    sys.exit(any(worker.exitcode for worker in workers))


if __name__ == "__main__":
    main()
