"""The names of the files of a run directory, beside TensorBoard's event file; see also `run_summary`."""

CONFIG = "config.yaml"
DATASET = "dataset.json"
PLAN = "plan.json"
RESULT = "result.json"
CHECKPOINTS = "checkpoints"
LOCK = "run.lock"
