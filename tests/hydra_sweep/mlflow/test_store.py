import pytest

from hydra_sweep.mlflow.address import ui_command


@pytest.mark.parametrize(
    ("uri", "command"),
    [
        ("sqlite:////a/./b.db", "mlflow ui --backend-store-uri sqlite:////a/b.db"),
        ("https://me:planted@host/path", "open https://me:***@host/path"),
        ("postgresql://me:pl%40nted@host/db", "mlflow ui --backend-store-uri postgresql://me:***@host/db"),
    ],
)
def test_the_command_to_look_shows_no_password(uri, command):
    assert ui_command(uri) == command
