from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from scripts.peers.template import TemplateData, TemplateModule
from scripts.peers.ways import TEMPLATE
from src import CONFIGS


def test_the_templates_data_and_model_take_the_arguments_of_ours():
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        cfg = compose("train.yaml", [line for line in TEMPLATE if line.startswith(("data.", "model."))])
    assert isinstance(instantiate(cfg.data), TemplateData)
    assert isinstance(instantiate(cfg.model), TemplateModule)
