import subprocess
import sys

SHARES = """
import sys
import optuna
from hydra_sweep.study.importance import optuna_importance

optuna.logging.set_verbosity(optuna.logging.WARNING)
study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
study.optimize(lambda trial: trial.suggest_float("x", 0, 1) + 0 * trial.suggest_float("y", 0, 1), 30)
shares = optuna_importance().get_param_importances(study)
print(max(shares, key=shares.get), "sklearn" in sys.modules)
"""


def test_importance_does_without_scikit_learn():
    told = subprocess.run([sys.executable, "-c", SHARES], capture_output=True, text=True, check=True)
    assert told.stdout == "x False\n"
