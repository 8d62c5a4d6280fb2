"""Train one network, or with -m a sweep of them: `python train.py model=lenet dataset=mnist`."""

import hydra
from omegaconf import DictConfig

import convboard
from convboard import entry

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
