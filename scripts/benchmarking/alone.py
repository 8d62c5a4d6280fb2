"""One contender alone in a process: `python -m benchmarking.alone eager|tutorial WORKLOAD DATA_DIR BATCHES`.

Prints when its first step was taken, in seconds since 1970.
"""

import sys
import time

from benchmarking.contenders import HandLoop, TutorialLoop
from benchmarking.workloads import WORKLOADS, compose_config
from convboard.building import build_dataset
from convboard.training.plan import Plan, choose_device


def main(kind: str, workload_name: str, data_dir: str, batches: str) -> None:
    """Train, and say when the first step was taken."""
    workload = next(workload for workload in WORKLOADS if workload.name == workload_name)
    config = compose_config([*workload.arguments, f"data_dir={data_dir}"])
    dataset = build_dataset(config)
    loop = HandLoop if kind == "eager" else TutorialLoop
    contender = loop(workload, config, dataset, Plan(choose_device(config.trainer.device)))
    contender.train(1)
    first_step = time.time()
    contender.train(int(batches))
    print(first_step)


if __name__ == "__main__":
    main(*sys.argv[1:])
