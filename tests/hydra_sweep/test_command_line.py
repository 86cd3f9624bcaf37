import sys

import pytest

from hydra_sweep import mistakes_explained


@pytest.mark.parametrize("other", ["defaults:\n", "defaults: none\n", "- a\n", "a: [\n", "\x00", ""])
def test_a_choice_by_the_nodes_name_whatever_else_lies_beside_the_configuration(
    tmp_path, monkeypatch, other
):
    (tmp_path / "train.yaml").write_text("defaults:\n  - _self_\n  - /common/logger@logger: mlflow\n")
    (tmp_path / "other.yaml").write_text(other)
    words = ["logger=csv", "+logger=[a,b]", "logger=null", "logger.x=1", "model=logger=csv"]
    monkeypatch.setattr(sys, "argv", ["train.py", *words])
    with mistakes_explained(tmp_path):
        assert sys.argv[1:] == [
            "common/logger@logger=csv",
            "+common/logger@logger=[a,b]",
            *words[2:],
        ]


@pytest.mark.parametrize("full", ["0", "1"])
def test_ctrl_c_is_no_traceback_unless_that_is_asked_for(tmp_path, monkeypatch, full):
    monkeypatch.setenv("HYDRA_FULL_ERROR", full)
    expected = KeyboardInterrupt if full == "1" else SystemExit
    with pytest.raises(expected) as raised, mistakes_explained(tmp_path):
        raise KeyboardInterrupt
    assert full == "1" or raised.value.code == 130
