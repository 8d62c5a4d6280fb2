"""Which backends there are, and their keys on a command line."""

import pytest

from convboard.errors import ConfigError, RunError
from convboard.sweeps.backends.command import CommandBackend, CommandSettings
from convboard.sweeps.backends.known import backend_of, settings_of
from convboard.sweeps.backends.settings import BackendSettings
from convboard.sweeps.command_options import read_options
from convboard.sweeps.store.submissions import Submission

LIST = "sweep.backend.hosts: must be a list, as in sweep.backend.hosts=[one,two]."
TEMPLATE = "sweep.backend.template=ssh {host} {command}"


def test_the_pool_of_this_machine_is_the_default() -> None:
    options, others = read_options(["sweep.workers=2", "seed=1,2"])
    assert (options.backend, others) == (BackendSettings(), ["seed=1,2"])


def test_texts_of_a_backend_are_taken_as_they_are_written() -> None:
    options, _ = read_options(["sweep/backend=command", TEMPLATE, "sweep.backend.hosts=[one,two]"])
    assert options.backend == CommandSettings(template="ssh {host} {command}", hosts=["one", "two"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sweep/backend=slrum"], "sweep/backend='slrum' is not known."),
        (["sweep.backend=command"], "sweep.backend=command: write sweep/backend=command, with a slash."),
        (
            ["sweep.backend.hosts=[a]"],
            "sweep.backend.hosts needs another backend. Choose it with sweep/backend=com",
        ),
        *(
            (["sweep/backend=command", f"sweep.backend.hosts={value}"], LIST)
            for value in ("one", "null", "", "{a:1}", "[null]")
        ),
        (
            ["sweep/backend=command", "sweep.backend.hosts=one,two"],
            "sweep.backend.hosts=one,two: a sweep has one value of it, not several. Write sweep.backend.hosts=[",
        ),
        (["sweep/backend=command", "sweep.backend.cpus=a"], "sweep.backend.cpus='a': must be a whole number."),
        (["sweep/backend=command", "sweep.backend.cpus=0"], "sweep.backend.cpus=0: must be at least 1."),
        (["sweep/backend=command", "sweep.backend.gpus=2"], "sweep.backend.gpus=2: must be at most 1."),
        (
            ["sweep/backend=command", "sweep.backend.templat=a"],
            "sweep.backend.templat is not a known key. Did you me",
        ),
        (["sweep/backend=command,local"], "sweep/backend=command,local: a sweep has one value of it, not several."),
    ],
)
def test_a_mistake_is_told_in_one_sentence(arguments: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read_options(arguments)
    assert str(raised.value).startswith(message)


def test_a_backend_is_made_again_from_what_a_submission_has_stored() -> None:
    stored = Submission(0, "sweep", "abc", "/", 2, 0, {"name": "command", "template": "{command}"})
    assert isinstance(backend_of(settings_of(stored)), CommandBackend)
    for settings in ({"name": "other"}, {"name": "command", "unknown": 1}, {"name": "local"}, {}):
        with pytest.raises(RunError, match="another version"):
            settings_of(Submission(0, "sweep", "abc", "/", 2, 0, settings))
