"""The places for the trials of a sweep: on this machine, or on those on which a backend starts workers."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from convboard.errors import ConfigError
from convboard.sweeps.backends.settings import RemoteSettings
from convboard.sweeps.slots import Slot, slots, threads_of
from convboard.sweeps.store.trials import Trial
from convboard.sweeps.sweep_options import SweepOptions


@dataclass(frozen=True)
class Places:
    """The places for trials.

    Attributes:
        number: Number of trials that run at the same time.
        threads: Number of threads of each; None for trials on GPUs.
        slots: The places on this machine: for the trials, or only for their checks if others run them.
        device: The type of device of the others, `cpu` or `cuda`; None if this machine runs the trials.
    """

    number: int
    threads: int | None
    slots: list[Slot]
    device: str | None = None

    def as_checked(self, trial: Trial) -> Trial:
        """Return a trial as this machine can check it, which may lack the device of the others."""
        if self.device is None or trial.config["trainer"]["device"] == "auto":
            return trial
        return replace(trial, config={**trial.config, "trainer": {**trial.config["trainer"], "device": "cpu"}})


def places_for(options: SweepOptions, trials: Iterable[Trial]) -> Places:
    """Return the places for trials.

    Args:
        options: The keys of the sweep.
        trials: The trials.

    Raises:
        ConfigError: They need a device that is not there, or a key of the backend is missing.
    """
    trainers = [trial.config["trainer"] for trial in trials]
    devices = {str(trainer["device"]) for trainer in trainers}
    backend = options.backend
    if isinstance(backend, RemoteSettings):
        if options.workers is None:
            raise ConfigError(
                f"sweep/backend={backend.name} needs the number of runs at the same time: give it with sweep.workers=, "
                "such as sweep.workers=8."
            )
        device = backend.device(devices)
        backend.check(options.workers)
        return Places(options.workers, backend.cpus if device == "cpu" else None, [Slot()] * options.workers, device)
    threads = max((trainer["threads"] or 1 for trainer in trainers), default=1)
    own = slots(options.workers, options.per_gpu, devices, threads)
    return Places(len(own), threads_of(own), own)
