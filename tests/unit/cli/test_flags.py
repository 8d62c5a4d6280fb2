"""The flags of `train` stand anywhere; what is none of them is told."""

import pytest

from convboard.cli.flags import sort_arguments
from convboard.errors import ConfigError


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("trainer.max_epochs=1 -m seed=1,2", "--multirun trainer.max_epochs=1 seed=1,2"),
        ("seed=1 -c job --package trainer -cd mine", "--cfg=job --package=trainer --config-dir=mine seed=1"),
        ("seed=1 --cfg=all", "--cfg=all seed=1"),
        ("--info seed=1", "--info=all seed=1"),
        ("--info plugins seed=1", "--info=plugins seed=1"),
        ("-sc install=bash", "--shell-completion install=bash"),
        ("-- seed=-1", "seed=-1"),
        ("seed=1 --hydra-help", "--hydra-help"),
        ("seed", "seed"),
        ("--dry-run -m seed=1,2", "--multirun seed=1,2 sweep.dry_run=true"),
    ],
)
def test_flags_come_first_and_the_overrides_stay_in_order(arguments: str, expected: str) -> None:
    flags, overrides = sort_arguments(arguments.split())
    assert [*flags, *overrides] == expected.split()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--lr=0.1", "'--lr=0.1' is not understood: write optimizer.lr=0.1, without dashes."),
        ("--batch-size 32", "'--batch-size' is not understood: write batch_size=32, without dashes."),
        ("-seed seed=3", "'-seed' is not understood: write seed=<value>, without dashes."),
        ("--epochs=3", "'--epochs=3' is not understood: write trainer.max_epochs=3, without dashes."),
        ("-x", "'-x' is not understood: write key=value, such as trainer.max_epochs=..., without dashes."),
        ("--multi", "'--multi' is not a flag. Did you mean --multirun?"),
        ("--verison", "'--verison' is not a flag. Did you mean --version?"),
        ("-dry-run -m", "'-dry-run' is not a flag. Did you mean --dry-run?"),
        ("-dryrun", "'-dryrun' is not a flag. Did you mean --dry-run?"),
        ("-help", "'-help' is not a flag. Did you mean --help?"),
        ("-config-dir=mine", "'-config-dir=mine' is not a flag. Did you mean --config-dir=mine?"),
        ("--cfg", "--cfg: --cfg needs one of job, hydra, all."),
        ("--cfg seed=1", "--cfg=seed=1: --cfg needs one of job, hydra, all."),
        ("-cd", "-cd: -cd needs a folder."),
        ("--dry-run seed=1", "--dry-run shows what a sweep would run: add -m."),
        ("-m=3", "-m=3: -m takes no value."),
        ("-m --cfg job", "--multirun and --cfg cannot be used together. Omit one of them."),
        ("--resolve", "--resolve changes what --cfg prints: add --cfg=job."),
        ("-sc", "-sc needs install=<shell> or uninstall=<shell>; the shells are bash, fish, zsh."),
        ("-sc install=tcsh", "-sc needs install=<shell> or uninstall=<shell>; the shells are bash, fish, zsh."),
        (
            "--experimental-rerun x",
            "--experimental-rerun cannot be used with convboard: write resume=<run dir> to go on with a run.",
        ),
    ],
)
def test_what_is_no_flag(arguments: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        sort_arguments(arguments.split())
    assert str(caught.value) == message
