"""Lightning's own settings: how a training ends, validates, logs; and memory that runs out."""

from hydra_sweep.study.storage import StudyAddress
from tests.conftest import Run
from tests.field.table import SEARCH, Case, check, table

OWN_MODEL = "model._target_=tests.template.utils.test_training.WithAllHyperparameters"
SHORT = ("common/logger@logger=none", "trainer.max_epochs=2", "+trainer.limit_train_batches=10")
ONE_WORKER = ("hydra.sweeper.n_jobs=1", "+trainer.limit_val_batches=2", "+trainer.limit_test_batches=2")
SIZES = ("model.net.lin2_size=64", "model.net.lin3_size=64")
ALIKE = (*SIZES, "model.optimizer.lr=0.01", "data.batch_size=64")


@table(
    Case(
        "+trainer.limit_val_batches=0", "optimized_metric=val/acc_best: with trainer.limit_val_batches=0", 1
    ),
    Case(
        "+trainer.limit_val_batches=choice(0,10)",
        "with trainer.limit_val_batches=0 it would never be logged",
        1,
    ),
    Case("trainer.check_val_every_n_epoch=9", "check_val_every_n_epoch=9 and trainer.max_epochs=8", 1),
    Case(
        "trainer.check_val_every_n_epoch=choice(1,9)",
        "with trainer.check_val_every_n_epoch=9 and trainer.max_epochs=8",
        1,
    ),
    Case("trainer.max_epochs=0 trainer.min_epochs=0", "trainer.max_epochs=0: nothing would be trained", 1),
    Case("+trainer.max_steps=0", "trainer.max_steps=0: nothing would be trained", 1),
    Case("+trainer.limit_train_batches=0.0", "limit_train_batches=0: nothing would be trained", 1),
    Case("train=false", "train=false test=false: there is nothing to optimise", 1),
    Case("optimized_metric=test/acc", "optimized_metric=test/acc: with test=false it would never", 1),
    Case("train=false test=true", "optimized_metric=val/acc_best: with train=false it would never", 1),
    Case("+trainer.barebones=true", "Lightning then logs nothing", 1),
    Case("+trainer.val_check_interval='00:00:10:00'", "early_stopping.check_on_train_epoch_end=false", 1),
)
def test_without_a_value_no_sweep_begins(case, train, tmp_path):
    check(case, train, tmp_path)


@table(
    *(
        Case(words, "20 trials")
        for words in (
            "trainer.check_val_every_n_epoch=2",
            "+trainer.val_check_interval=0.1",
            "+trainer.val_check_interval=choice(10,0.5)",
            "trainer.check_val_every_n_epoch=null +trainer.val_check_interval=700",
            "optimized_metric=test/acc test=true",
            "optimized_metric=train/acc +trainer.limit_val_batches=0 callbacks.early_stopping=null",
            "train=false test=true optimized_metric=test/acc",
            "+trainer.fast_dev_run=true",
            "trainer.max_epochs=-1 +trainer.max_time='00:00:10:00'",
            "+trainer.precision=choice(bf16-mixed,32)",
            "callbacks=null logger=null",
            "+trainer.limit_train_batches=interval(0.1,1.0)",
        )
    )
)
def test_what_lightning_takes_is_taken(case, train, tmp_path):
    check(case, train, tmp_path)


def test_each_validation_counts_in_every_attempt_and_too_large_a_net_is_pruned(train, tmp_path):
    trials = swept(
        *(train, tmp_path, *ALIKE, OWN_MODEL, "test=true", "hydra/sweeper/sampler=grid"),
        *("model.net.lin1_size=choice(64,2000000000)", "trainer.check_val_every_n_epoch=choice(1,2)"),
        *("+trainer.val_check_interval=0.5", "optimized_metric=val/acc", "hydra.sweeper.n_trials=4"),
        *("hydra/sweeper/pruner=none", "+callbacks.die_once._target_=tests.toy.die_once.DieOnce"),
    )
    by_params = {tuple(trial.params.values()): trial for trial in trials}
    every, second = by_params[64, 1], by_params[64, 2]
    assert list(every.intermediate_values) == [1, 2, 3, 4]
    assert list(second.intermediate_values) == [1, 2]
    assert [trial.value for trial in (every, second)] == [
        list(trial.intermediate_values.values())[-1] for trial in (every, second)
    ]
    assert trials[0].user_attrs["losses"] == 1
    for every_n in (1, 2):
        too_large = by_params[2_000_000_000, every_n]
        assert too_large.state.name == "PRUNED"
        assert "out of memory: [enforce fail" in too_large.user_attrs["reason"]


def test_a_metric_of_the_test_can_be_optimised(train, tmp_path):
    (trial,) = swept(
        *(train, tmp_path, *ALIKE, "model.net.lin1_size=choice(64)", "hydra.sweeper.n_trials=1"),
        *("optimized_metric=test/acc", "test=true"),
    )
    assert 0 < trial.value < 1
    assert trial.intermediate_values == {}
    log = (tmp_path / "logs/train/multiruns/mnist_optuna/0/train.log").read_text()
    assert "test/acc is not logged while training: the trial is not pruned" in log


def swept(train: Run, folder, *words: str):
    train(*SEARCH, *SHORT, *ONE_WORKER, *words)
    return StudyAddress("mnist_optuna", folder / "logs/train/multiruns/mnist_optuna").load().trials
