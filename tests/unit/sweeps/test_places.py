"""The places for trials, here and elsewhere."""

import pytest

from convboard.errors import ConfigError
from convboard.sweeps.backends.command import CommandSettings
from convboard.sweeps.backends.settings import BackendSettings
from convboard.sweeps.places import places_for
from convboard.sweeps.store.trials import Trial
from convboard.sweeps.sweep_options import SweepOptions


def trial(device: str = "auto") -> Trial:
    return Trial(0, (), {}, "run", {"trainer": {"device": device, "threads": None}})


def remote(workers: int | None = 4, gpus: int = 0) -> SweepOptions:
    return SweepOptions(workers=workers, backend=CommandSettings(template="{command}", cpus=3, gpus=gpus))


def test_on_this_machine_the_trials_fill_the_cores() -> None:
    places = places_for(SweepOptions(workers=2), [trial("cpu")])
    assert (places.number, len(places.slots), places.device) == (2, 2, None)


@pytest.mark.parametrize(
    ("device", "gpus", "type_of_device", "threads"),
    [("auto", 0, "cpu", 3), ("auto", 1, "cuda", None), ("cpu", 1, "cpu", 3), ("cuda", 1, "cuda", None)],
)
def test_elsewhere_they_have_what_the_backend_gives(
    device: str, gpus: int, type_of_device: str, threads: int | None
) -> None:
    places = places_for(remote(gpus=gpus), [trial(device)])
    assert (places.number, places.device, places.threads) == (4, type_of_device, threads)


def test_a_gpu_that_is_elsewhere_is_not_asked_of_this_machine() -> None:
    places = places_for(remote(gpus=1), [trial("cuda")])
    assert places.as_checked(trial("cuda")).config["trainer"]["device"] == "cpu"
    here = places_for(SweepOptions(workers=1), [trial("cpu")])
    assert here.as_checked(trial("cuda")) == trial("cuda")


def test_what_is_missing_is_said() -> None:
    with pytest.raises(ConfigError, match=r"^sweep/backend=command needs .* sweep.workers=8"):
        places_for(remote(workers=None), [trial()])
    with pytest.raises(ConfigError, match=r"^trainer.device=cuda: .* sweep.backend.gpus=1"):
        places_for(remote(), [trial("cuda")])
    with pytest.raises(ConfigError, match=r"template= is empty"):
        places_for(SweepOptions(workers=1, backend=CommandSettings()), [trial()])
    assert places_for(SweepOptions(workers=1, backend=BackendSettings()), [trial("cpu")]).number == 1
