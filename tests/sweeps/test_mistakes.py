"""Wrong inputs, by the real command: one line that says what is wrong, and nothing left behind."""

import pytest

from tests.conftest import ROOT

SWEEPER = "hydra.sweeper"
SPACE = f"{SWEEPER}.custom_search_space"

TOY_MISTAKES = {
    # keys and groups
    f"{SWEEPER}.n_trails=3": "Did you mean hydra.sweeper.n_trials?",
    f"{SWEEPER}.pruner.n_startup_trial=3": "Did you mean hydra.sweeper.pruner.n_startup_trials?",
    f"{SWEEPER}.sampler.sed=3": "Did you mean hydra.sweeper.sampler.seed?",
    f"+{SWEEPER}.n_trails=3": "Unknown key of hydra.sweeper 'n_trails'. Did you mean n_trials?",
    f"+{SWEEPER}.pruner.n_warmup_step=3": "Unknown argument 'n_warmup_step'. Did you mean n_warmup_steps?",
    "secnds=[1]": "Did you mean seconds?",
    "y=interval(0.0,1.0)": "y: there is no such key. Valid: epoch_s, epochs, gpu, hydra, noise, seconds, "
    "share, steps, what, x",
    "hydra/sweeper=async_optun": "Could not find 'hydra/sweeper/async_optun'",
    "hydra/sweeper/pruner=medium": "Could not find 'hydra/sweeper/pruner/medium'",
    "hydra/sweeper/sampler=tpee": "Unknown choice of hydra/sweeper/sampler 'tpee'. Did you mean tpe?",
    "hydra/sweeper/sampler=null": "Unknown choice of hydra/sweeper/sampler 'null'. Valid: auto, brute",
    "hydra/sweeper/pruner=null": "Unknown choice of hydra/sweeper/pruner 'null'. Valid: asha, first_rung",
    "hydra/launcher=slrum": "Could not find 'hydra/launcher/slrum'",
    "hydra/launcher=basic": "waits for its jobs, but a sweep must watch them. Valid: local",
    "hydra/launcher/group=a,b": "hydra/launcher/group",
    # the search space
    "x=interval(1.0,0.0)": "x=interval(1.0,0.0)",
    "x=int(interval(9,1))": "x=int(interval(9,1))",
    "x=range(5,1)": "x=range(5,1)",
    "x=range(1,5,0)": "x=range(1,5,0)",
    "x=choice()": "x=choice()",
    "x=tag(log,interval(0.0,1.0))": "x=tag(log,interval(0.0,1.0))",
    "x=tag(log,interval(-1,1))": "x=tag(log,interval(-1,1))",
    "x=interval(a,b)": "x=interval(a,b)",
    "x=interval(0.0": "x=interval(0.0",
    "x=intervall(0.0,1.0)": "intervall",
    "x=0.5 x=interval(0.0,1.0)": "x=interval(0.0,1.0) searches what x=0.5 fixes",
    f"hydra/sweeper/sampler=grid {SPACE}=tests.toy.space.extend x=choice(1,2)": "do not go together",
    f"{SPACE}=tests.toy.space.extendd": "extendd",
    f"{SPACE}=tests.toy.spaces.extend": "tests.toy.spaces",
    f"{SPACE}=tests.toy.space.extend what=choice(1,2) {SWEEPER}.params=null": "KeyError: 'x'",
    f"{SPACE}=tests.toy.space.extend x=1.0 +extra=3": "custom_search_space",
    # settings
    f"{SWEEPER}.study_name=": "hydra.sweeper.study_name is not set",
    f"{SWEEPER}.seed=x": "hydra.sweeper.seed: expected a whole number from 0 up, got 'x'",
    f"{SWEEPER}.study_name=a/b": "expected no slash",
    f"{SWEEPER}.sampler=null": "hydra.sweeper.sampler: expected a _target_, got None",
    f"{SWEEPER}.pruner=null": "pruner=none prunes nothing",
    f"{SWEEPER}.params=5": "hydra.sweeper.params: expected lines such as key: choice(a,b), got 5",
    f"{SWEEPER}.timeout=60 {SWEEPER}.wait=false": "timeout=60 with wait=false",
    f"{SWEEPER}.prepare=5": "hydra.sweeper.prepare=5: there is no such module",
    f"{SWEEPER}.study=old": "Unknown hydra.sweeper.study 'old'. Valid: new, resume",
    f"{SWEEPER}.direction=up": "Unknown hydra.sweeper.direction 'up'. Valid: maximize, minimize",
    f"{SWEEPER}.direction=[minimize,maximise]": "Did you mean maximize?",
    f"{SWEEPER}.n_trials=0": "hydra.sweeper.n_trials: expected a whole number from 1 up, got 0",
    f"{SWEEPER}.max_failure_rate=2": "hydra.sweeper.max_failure_rate: expected a number from 0 to 1, got 2",
    f"{SWEEPER}.constraints='epoch<3'": "epoch<3: there is no epoch. Did you mean epochs?",
    f"{SWEEPER}.constraints='what<3' what=a": "constraints: what: expected a number, got 'a'",
    f"{SWEEPER}.measures={{a:no.such}}": "hydra.sweeper.measures.a=no.such: there is no such module",
    f"{SWEEPER}.prefer=[value]": "hydra.sweeper.prefer: expected several metrics to choose from, got one",
    f"{SWEEPER}.confirm.top=3": "confirm.key=seed: the configuration has no such key",
    f"{SWEEPER}.wait=maybe": "hydra.sweeper.wait: expected true or false, got 'maybe'",
    f"{SWEEPER}.pruner.n_warmup_steps=-1": "hydra.sweeper.pruner: ",
    f"hydra/sweeper/pruner=asha {SWEEPER}.pruner.reduction_factor=1": "hydra.sweeper.pruner: ",
    f"hydra/sweeper/pruner=asha {SWEEPER}.pruner.promote=true {SWEEPER}.pruner.min_resource=auto": (
        "hydra.sweeper.pruner: promote=true: expected min_resource to be a number of epochs, got auto"
    ),
    f"{SWEEPER}.sampler.n_startup_trials=many": "n_startup_trials",
    f"{SWEEPER}.prepare=hydra_sweep.lightnin.prepare": "there is no such module",
    f"{SWEEPER}.check=hydra_sweep.lightning.chek": "chek",
    "+model._target_=src.models.mnist_modul.MNISTLitModule": "there is no such module",
    "+model={_target_: builtins.dict, size: ???}": "model.size: expected a value, got ???",
    # the launcher
    "hydra.launcher.timeout_min=x": "hydra.launcher.timeout_min: expected a whole number from 1 up",
    "hydra.launcher.tasks_per_node=0": "hydra.launcher.tasks_per_node: expected a whole number from 1 up",
    # places
    "hydra.sweep.dir=/proc/sweep": "The sweep's folder cannot be written: /proc/sweep",
    f"{SWEEPER}.storage=5": "The study's storage 5: ",
    f"{SWEEPER}.storage=mysqll://localhost/study": "mysqll",
    f"{SWEEPER}.storage=sqlite:////proc/none/study.db": "/proc/none",
    f"{SWEEPER}.study=new hydra.sweep.dir=..": "hydra.sweeper.study=new needs another folder",
}

TRAIN_MISTAKES = {
    "model.optimizer.lrr=0.1": "Did you mean model.optimizer.lr?",
    "modl.optimizer.lr=0.1": "Did you mean model?",
    "data.batch_sise=choice(32,64)": "Did you mean data.batch_size?",
    "model=mnsit": "Could not find 'model/mnsit'",
    "model=choice(mnist,mnsit)": "Unknown choice of model 'mnsit'. Did you mean mnist?",
    "model=null": "Unknown choice of model 'null'. Valid: mnist.",
    "experiment=mon_experienc": "Could not find 'experiment/mon_experienc'",
    "optimized_metric=null": "optimized_metric is not set",
    "optimized_metric=[val/acc,val/loss]": "optimized_metric names 2 metrics",
    "optimized_metric=5": "optimized_metric is 5: expected the name of a metric",
    "trainer=null": "Unknown choice of trainer 'null'. Valid: cpu, ddp",
    "trainer.max_epochs=ten": "trainer.max_epochs: expected a whole number, got ten",
    "trainer.min_epochs=ten": "trainer.min_epochs: expected a whole number, got ten",
    "trainer.devices=null": "trainer.devices: expected a number, a list of numbers, or auto, got None",
    "callbacks=5": "Unknown choice of common/callbacks@callbacks '5'. Valid: callback_images, default",
    "trainer.max_epochs=choice(5,-3)": "trainer.min_epochs=1 is more than trainer.max_epochs=-3",
    "trainer.min_epochs=int(interval(1,9))": "trainer.min_epochs=9 is more than trainer.max_epochs=8",
    "trainer.accelerator=gpu": "trainer.accelerator=gpu: this machine shows no GPU",
    "trainer.min_epochs=9": "trainer.min_epochs=9 is more than trainer.max_epochs=8",
    "trainer.max_epochs=-1 callbacks.early_stopping=null": "no trial would end",
    "callbacks.early_stopping.mode=min": "early_stopping.mode=min: expected max",
}


def check_told(done, message: str) -> None:
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert "Study " not in done.stdout, "a sweep was begun"


@pytest.mark.parametrize(("arguments", "message"), TOY_MISTAKES.items(), ids=TOY_MISTAKES)
def test_a_mistake_is_told_and_leaves_nothing(toy, tmp_path, arguments, message):
    words = [arguments] if "{" in arguments else arguments.split(" ")
    done = toy(*words, check=False, PYTHONPATH=str(ROOT))
    check_told(done, message)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("arguments", "message"), TRAIN_MISTAKES.items(), ids=TRAIN_MISTAKES)
def test_a_mistake_in_the_training_is_told_and_leaves_nothing(train, tmp_path, arguments, message):
    done = train(
        "-m", "hparams_search=mnist_optuna", *arguments.split(" "), check=False, CUDA_VISIBLE_DEVICES=""
    )
    check_told(done, message)
    assert list(tmp_path.iterdir()) == []


def test_a_class_that_is_not_there_is_told_before_any_worker_starts(train, tmp_path):
    """By the process that prepares the first start: it imports what the configuration names."""
    mistake = ["model.optimizer._target_=torch.optim.Adamm", "hydra.sweeper.snapshot=true"]
    done = train("-m", "hparams_search=mnist_optuna", *mistake, check=False)
    check_told(done, "No module named 'torch.optim.Adamm'. Did you mean torch.optim.Adam?")
    assert "hydra_sweep.lightning.prepare" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_all_that_the_configuration_names_wrongly_is_told_at_once(train, tmp_path):
    mistakes = ["+model.depth=3", "+data.size=3", "trainer.strategy=dpp", "+logger.mlflow.prefixx=a"]
    done = train("-m", "hparams_search=mnist_optuna", *mistakes, check=False)
    for message in (
        "model: Unknown argument 'depth'",
        "data: Unknown argument 'size'",
        "logger.mlflow: Unknown argument 'prefixx'. Did you mean prefix?",
        "Did you mean ddp?",
    ):
        check_told(done, message)
    assert list(tmp_path.iterdir()) == []


def test_a_tracker_that_was_never_there_is_told_before_any_worker_starts(train, tmp_path):
    uri = "logger.mlflow.tracking_uri=http://127.0.0.1:9"
    done = train("-m", "hparams_search=mnist_optuna", uri, check=False)
    check_told(done, f"{uri}: ")
    assert "refused. Mend that, or leave MLflow out: ~logger.mlflow" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("lin1_size", "lin1_sizes", "Did you mean model.net.lin1_sizes?"),
        ("mnist_module", "mnist_modul", "_target_=src.models.mnist_modul.MNISTLitModule: there is no such"),
        (
            "lin1_size: 64",
            "lin1_size: 64\n  lin4_size: ???",
            "model.net.lin4_size: expected a value, got ???",
        ),
    ],
)
def test_each_choice_of_a_searched_group_must_compose(train, tmp_path, old, new, message):
    other = tmp_path / "configs" / "model" / "other.yaml"
    other.parent.mkdir(parents=True)
    text = (ROOT / "configs/model/mnist.yaml").read_text()
    other.write_text(text.replace(old, new))
    options = ["model=choice(mnist,other)", f"hydra.searchpath=[file://{tmp_path}/configs]"]
    done = train("-m", "hparams_search=mnist_optuna", *options, check=False)
    check_told(done, "With model=other: ")
    assert message in done.stderr
    other.write_text(text)
    done = train("-m", "hparams_search=mnist_optuna", *options, "hydra.sweeper.dry_run=true")
    assert [path.name for path in tmp_path.iterdir()] == ["configs"]


def test_a_searched_choice_that_is_no_yaml_is_told(toy, tmp_path):
    more = tmp_path / "searched" / "more"
    more.mkdir(parents=True)
    (more / "one.yaml").write_text("y: 1")
    (more / "two.yaml").write_text("y: [")
    done = toy(f"hydra.searchpath=[file://{more.parent}]", "+more=one,two", check=False)
    check_told(done, "With +more=two: A trial's configuration does not compose: while parsing")
    assert f'in "{more}/two.yaml", line 1' in done.stderr


def test_a_missing_data_set_is_found_before_any_worker_starts(train, tmp_path):
    offline = {"PATH": "", "http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    where = tmp_path / "nothing"
    done = train("-m", "hparams_search=mnist_optuna", f"data.data_dir={where}", check=False, **offline)
    check_told(done, "Put these four files there")
    assert not (tmp_path / "logs").exists()


def test_a_folder_with_another_studys_trials_is_left_alone(toy, tmp_path):
    toy("hydra.sweeper.n_trials=1")
    sweep = tmp_path / "multirun" / "toy"
    (sweep / "study.journal").rename(tmp_path / "elsewhere")
    before = sorted(sweep.rglob("*"))
    check_told(toy(check=False), "holds trials, but there is no study toy in its storage")
    assert sorted(sweep.rglob("*")) == before


def test_a_storage_that_cannot_be_opened_stops_the_sweep_before_it_starts(toy, tmp_path):
    done = toy("hydra.sweeper.storage=postgresql://user@127.0.0.1:1/db", check=False)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert "Connection refused" in done.stderr
    assert list(tmp_path.iterdir()) == []
