"""One contender alone in a process: `python -m benchmarking.alone eager|tutorial WORKLOAD DATA_DIR BATCHES`."""

import sys

from benchmarking.contenders import HandLoop, TutorialLoop
from benchmarking.workloads import WORKLOADS
from convboard.config.compose import compose_config
from convboard.experiment.dataset import build_dataset
from convboard.experiment.run_plan import choose_device
from convboard.training.execution_plan.plan import Plan


def main(kind: str, workload_name: str, data_dir: str, batches: str) -> None:
    """Train."""
    workload = next(workload for workload in WORKLOADS if workload.name == workload_name)
    config = compose_config([*workload.arguments, f"data_dir={data_dir}"]).config
    dataset = build_dataset(config)
    loop = HandLoop if kind == "eager" else TutorialLoop
    loop(workload, config, dataset, Plan(choose_device(config.trainer.device))).train(int(batches))


if __name__ == "__main__":
    main(*sys.argv[1:])
