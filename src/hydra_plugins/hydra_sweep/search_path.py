from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.search_path_plugin import SearchPathPlugin


class SweepSearchPath(SearchPathPlugin):
    """Has every application find the package's configuration, after its own."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        search_path.append("hydra_sweep", "pkg://hydra_sweep.configs")
