"""Train one network, or with -m a sweep of them: `python train.py model=lenet dataset=mnist`."""

from convboard.training import interrupt

interrupt.end_at_once()  # before anything is imported that takes its time

import hydra  # noqa: E402
from omegaconf import DictConfig  # noqa: E402

import convboard  # noqa: E402
from convboard import entry  # noqa: E402

entry.register()


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(composed: DictConfig) -> float:
    """Run what was composed and return the objective, for Hydra's sweepers."""
    with entry.job():
        config = entry.check(composed)
        return convboard.run(config, entry.run_dir()).objective


if __name__ == "__main__":
    with entry.command():
        main()
