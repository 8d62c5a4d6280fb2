"""Callbacks of Hydra, which `conf/config.yaml` names."""

import json
from pathlib import Path
from typing import Any, ClassVar

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from convboard.errors import RankError
from convboard.training.distributed.torchrun import communicator


class NoteFolders(Callback):
    """Notes which folders are there before Hydra makes that of a run or a sweep.

    Attributes:
        existing: The folder itself and those above it, and what is in it, as far as they were there; None if Hydra has
            not run.
        sweep: The folder of the sweep, if it is one.
    """

    existing: ClassVar[frozenset[Path] | None] = None
    sweep: ClassVar[Path | None] = None

    def on_run_start(self, config: DictConfig, **more: Any) -> None:
        """Note the folders of a run."""
        self._note(config, "hydra.run.dir")

    def on_multirun_start(self, config: DictConfig, **more: Any) -> None:
        """Note the folders of a sweep."""
        NoteFolders.sweep = self._note(config, "hydra.sweep.dir")

    def _note(self, config: DictConfig, key: str) -> Path | None:
        HydraConfig.instance().set_config(config)  # Hydra does so only later; the path may refer to its keys
        try:
            folder = Path(str(OmegaConf.select(config, key))).absolute()
        except OmegaConfBaseException:  # the run reports it
            return None
        existing = [str(path) for path in _existing(folder)]
        try:  # those of the main process: it may already have made the folder when another one looks
            existing = json.loads(communicator().broadcast(json.dumps(existing)))
        except RankError:  # another process has failed; the run reports it
            return None
        NoteFolders.existing = frozenset(map(Path, existing))
        return folder


def _existing(folder: Path) -> list[Path]:
    """The folder itself and those above it, and what is in it, as far as they are there.

    If that cannot be seen, they are taken to be there, so that nothing is removed; the run reports it.
    """
    try:
        inner = folder.iterdir() if folder.is_dir() else ()
        return [path for path in (folder, *folder.parents, *inner) if path.is_dir()]
    except PermissionError:
        return [folder, *folder.parents]


class ForgetConfigs(Callback):
    """Lets go of the config of a job of a sweep, which Hydra keeps until the sweep has ended: 0.65 MB for each."""

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **more: Any) -> None:
        """Forget the config of the job that has ended."""
        if HydraConfig.get().mode is RunMode.MULTIRUN:
            job_return.cfg = job_return.hydra_cfg = None
