from pathlib import Path

import pytest
from hydra.conf import HydraConf
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from convboard.config.hydra_callbacks import ForgetConfigs, NoteFolders
from permissions import permissions


@pytest.fixture(autouse=True)
def _no_config(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HydraConfig.instance(), "cfg", None)
    monkeypatch.setattr(NoteFolders, "existing", None)


def config(key: str, value: object) -> DictConfig:
    composed = OmegaConf.create({"hydra": OmegaConf.structured(HydraConf), "name": "new"})
    OmegaConf.update(composed, key, value)
    HydraConfig.instance().set_config(composed)
    return composed


def test_the_folders_that_are_there_are_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sweep/job").mkdir(parents=True)
    NoteFolders().on_run_start(config("hydra.run.dir", "sweep/${name}/run"))
    assert NoteFolders.existing == frozenset({tmp_path / "sweep", tmp_path, *tmp_path.parents})
    NoteFolders().on_multirun_start(config("hydra.sweep.dir", "sweep"))
    assert NoteFolders.existing == frozenset({tmp_path / "sweep/job", tmp_path / "sweep", tmp_path, *tmp_path.parents})


def test_what_cannot_be_seen_is_taken_to_be_there(tmp_path: Path) -> None:
    folder = tmp_path / "unreadable/run"
    folder.parent.mkdir()
    with permissions(folder.parent, 0o000):
        NoteFolders().on_run_start(config("hydra.run.dir", str(folder)))
    assert NoteFolders.existing == frozenset({folder, *folder.parents})


@pytest.mark.parametrize("mode", RunMode)
def test_the_config_of_a_job_of_a_sweep_is_forgotten(mode: RunMode) -> None:
    composed = config("hydra.mode", mode)
    job = JobReturn(cfg=composed, hydra_cfg=composed)
    ForgetConfigs().on_job_end(composed, job)
    assert (job.cfg is None) == (job.hydra_cfg is None) == (mode is RunMode.MULTIRUN)
