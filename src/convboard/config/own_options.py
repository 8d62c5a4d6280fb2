"""Files of options, such as those in the user's own `conf/` folder, read with limits: for Hydra and for all else."""

from pathlib import Path

import yaml

# Hydra has no public way to replace how files are read. These names are of Hydra 1.3; if they move, the import fails,
# and if they are no longer asked, tests/unit/config/test_yaml_limits.py does.
from hydra._internal.core_plugins.file_config_source import FileConfigSource
from hydra._internal.sources_registry import SourcesRegistry
from hydra.core.plugins import Plugins
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


class LimitedFiles(FileConfigSource):
    """Hydra's source of options in a folder, with limits.

    It takes the place of Hydra's own for every folder: `conf/`, `--config-dir` and `hydra.searchpath`.
    """

    def is_config(self, config_path: str) -> bool:
        """Return whether there is such an option.

        Raises:
            ConfigError: That cannot be seen. Taking another folder's option in its place would be a silent mistake.
        """
        file = Path(self.path) / self._normalize_file_name(config_path)
        try:
            file.stat()
        except PermissionError as error:
            raise ConfigError(f"{file.parent} cannot be searched for options: {error.strerror}.") from error
        except OSError:  # there is none
            return False
        return super().is_config(config_path)

    def load_config(self, config_path: str) -> ConfigResult:
        """Read the file of an option."""
        check_option(Path(self.path) / self._normalize_file_name(config_path))
        return super().load_config(config_path)


def limit_files() -> None:
    """Let Hydra read every file of options with limits."""
    Plugins.instance()  # its own source is there from now on
    SourcesRegistry.instance().types[FileConfigSource.scheme()] = LimitedFiles
