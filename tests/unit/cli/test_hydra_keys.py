"""Keys of Hydra that a run cannot honour are refused with what to write instead."""

import pytest

from convboard.cli.hydra_keys import refuse_hydra_keys
from convboard.errors import ConfigError


@pytest.mark.parametrize(
    ("override", "is_sweep", "message"),
    [
        ("hydra.job.chdir=true", False, "Omit this key; hydra.run.dir=<folder> chooses the run directory."),
        ("++hydra.output_subdir=checkpoints", False, "a run writes its own config.yaml. Omit this key."),
        ("hydra.run.dir=x", True, "Write hydra.sweep.dir=<folder>."),
        ("hydra.sweep.dir=x", False, "Write hydra.run.dir=<folder>, or add -m for a sweep."),
        ("hydra.sweep.subdir=same", True, "the runs of a sweep need directories of their own. Omit this key."),
        ("hydra.run.dir=", False, "hydra.run.dir=: give a folder."),
        ("hydra.sweep.dir=''", True, "hydra.sweep.dir='': give a folder."),
        *(
            (f"hydra.verbose={value}", False, "must be true, false, or a list of loggers such as [convboard].")
            for value in ("1", "inf", "null", "[[a]]", "[1]", "{a: b}")
        ),
        ("hydra.sweeper.max_batch_size=0", True, "must be a whole number above 0, or null."),
    ],
)
def test_refused(override: str, is_sweep: bool, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        refuse_hydra_keys(["seed=1", override], is_sweep)
    assert str(caught.value).startswith(f"{override}: ")
    assert str(caught.value).endswith(message)


@pytest.mark.parametrize(
    ("override", "is_sweep"),
    [
        ("hydra.job.chdir=false", False),
        ("hydra.output_subdir=null", False),
        ("hydra.run.dir=x", False),
        ("hydra.sweep.dir=x", True),
        ("hydra.sweep.subdir=${hydra.job.num}", True),
        ("hydra.sweeper.max_batch_size=2", True),
        ("hydra.job.name=mine", False),
        *((f"hydra.verbose={value}", False) for value in ("true", "convboard", "[a.b, c]")),
    ],
)
def test_honoured(override: str, is_sweep: bool) -> None:
    refuse_hydra_keys([override], is_sweep)
