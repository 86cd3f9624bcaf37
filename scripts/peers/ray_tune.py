"""Ray Tune: OptunaSearch, its ASHA, and two actors that are used again. Listens on all interfaces: run it
where there is only the loopback."""

import os

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # else it reports to a server
os.environ["RAY_AUTH_MODE"] = "disabled"  # else it leaves a token in the home
os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"  # no logger, as no other peer has one

import ray
from ray import tune
from ray.tune.schedulers import AsyncHyperBandScheduler
from ray.tune.search.optuna import OptunaSearch

from scripts.peers.common_trials import CommonTPE
from scripts.peers.loop import CHOICES, LR, N_JOBS, Search, train


class Training(tune.Trainable):
    def setup(self, config: dict) -> None:
        self.epochs = train(config, config["search"])

    def step(self) -> dict[str, float]:
        _, best = next(self.epochs)
        return {"best": best}

    def reset_config(self, new_config: dict) -> bool:
        self.setup(new_config)
        return True


def main() -> None:
    search = Search.from_arguments()
    ray.init(
        num_cpus=N_JOBS,
        include_dashboard=False,
        log_to_driver=False,
        _node_ip_address="127.0.0.1",
        _temp_dir=search.folder,
    )
    choices = {name: tune.choice(values) for name, values in CHOICES.items()}
    tuner = tune.Tuner(
        tune.with_resources(Training, {"cpu": 1}),
        param_space=choices | {"lr": tune.loguniform(*LR), "search": search},
        tune_config=tune.TuneConfig(
            metric="best",
            mode="max",
            num_samples=search.trials,
            search_alg=OptunaSearch(sampler=CommonTPE(search.seed, seed=search.seed, constant_liar=True)),
            scheduler=AsyncHyperBandScheduler(max_t=search.epochs, grace_period=1, reduction_factor=3),
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(
            storage_path=search.folder,
            verbose=0,
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),  # no peer keeps any
        ),
    )
    if errors := tuner.fit().errors:
        raise errors[0]


if __name__ == "__main__":
    main()
