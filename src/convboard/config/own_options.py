"""The files in the user's own `conf/` folder, read with limits, for Hydra and for everything else."""

from pathlib import Path

import yaml
from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra.plugins.config_source import ConfigResult

from convboard.config.yaml_limits import read_yaml_text
from convboard.errors import ConfigError


def check_option(path: Path) -> None:
    """Check that a file of options can be parsed without taking much memory or time.

    What is no YAML at all is left to the parser, which says where.

    Raises:
        ConfigError: It cannot.
    """
    try:
        read_yaml_text(path)
    except yaml.MarkedYAMLError:
        pass
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = error.strerror if isinstance(error, OSError) else " ".join(str(error).split())
        raise ConfigError(f"{path} cannot be read: {reason}.") from error


class OwnOptions(FileConfigSource):
    """A source of options for Hydra, `conf://<folder>`."""

    @staticmethod
    def scheme() -> str:
        """Return the beginning of its place in the search path."""
        return "conf"

    def load_config(self, config_path: str) -> ConfigResult:
        """Read the file of an option."""
        check_option(Path(self.path) / self._normalize_file_name(config_path))
        return super().load_config(config_path)
