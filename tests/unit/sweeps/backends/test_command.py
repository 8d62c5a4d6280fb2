"""Workers that a command of the user's starts: its lines, what is said of those that fail, and how long it waits."""

import json
import os
import shlex
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from convboard.errors import ConfigError, RunError
from convboard.sweeps.backends.command import CommandBackend, CommandSettings
from convboard.sweeps.store.liveness import this_worker
from convboard.sweeps.store.submissions import SUBMISSIONS, Submission, submit
from sweep_records import sweep_of_seeds

ALL = "{command} {host} {name} {index} {workers} {cpus} {gpus} {folder} {directory}"


def submission_of(folder: Path, settings: CommandSettings, workers: int = 1) -> Submission:
    return submit(sweep_of_seeds(folder, 1), asdict(settings), workers, stops=0)


def test_each_line_has_all_words_and_every_folder_is_one_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = tmp_path / 'it\'s $HOME; a "dir"'
    directory.mkdir()
    monkeypatch.chdir(directory)
    settings = CommandSettings(
        cpus=2, gpus=1, workers_per_node=3, template=f"printf '%s\\n' {ALL} > out{{index:02}}", hosts=["a b", "c"]
    )
    settings.check(1)
    submission = submission_of(directory / "a sweep", settings, workers=7)

    lines = CommandBackend(settings).start(submission)

    words = [Path(f"out{index:02}").read_text().splitlines() for index in range(3)]
    name, folders = submission.name, [str(directory / "a sweep"), str(directory)]
    assert [line[1:] for line in words] == [
        ["a b", f"{name}-0", "0", "3", "6", "3", *folders],
        ["c", f"{name}-1", "1", "3", "6", "3", *folders],
        ["a b", f"{name}-2", "2", "1", "2", "1", *folders],
    ]
    move, run = words[2][0].split(" && exec ")
    assert shlex.split(move) == ["cd", str(directory)]
    assert shlex.split(run) == submission.command(1)
    assert len(lines) == 3


def test_the_command_survives_a_second_shell_as_that_of_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = tmp_path / "it's here"
    directory.mkdir()
    monkeypatch.chdir(directory)
    python = tmp_path / "my python"
    python.write_text('#!/bin/sh\npwd > "$0.pwd"; printf \'%s\\n\' "$@" > "$0.words"\n')
    python.chmod(0o755)
    ssh = tmp_path / "ssh"  # joins its arguments and gives them to a shell, as ssh does
    ssh.write_text('#!/bin/sh\nshift; exec sh -c "$*"\n')
    ssh.chmod(0o755)
    settings = CommandSettings(template=f"{ssh} {{host}} {{command}}", hosts=["one"], python=shlex.quote(str(python)))
    submission = submission_of(directory / "s", settings)
    CommandBackend(settings).start(submission)
    assert Path(f"{python}.pwd").read_text().strip() == str(directory)
    assert Path(f"{python}.words").read_text().splitlines() == submission.command(1)[1:]


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("bsub -J {name} -n {cpus} -W 4:00 -o {folder}/lsf.%J.log {command}", ["-J", "NAME", "-n", "2", "-W", "4:00"]),
        (
            "kubectl create job {name} --image=a/b:1 -- sh -c {command}",
            ["create", "job", "NAME", "--image=a/b:1", "--"],
        ),
        ("kubectl create -f workers.yaml && : {command}", ["create", "-f", "workers.yaml"]),
    ],
)
def test_a_scheduler_gets_the_words_of_the_guide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, template: str, words: list[str]
) -> None:
    program = tmp_path / template.partition(" ")[0]
    program.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" > '{tmp_path}/words'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    settings = CommandSettings(template=template, cpus=2)
    submission = submission_of(tmp_path / "a sweep", settings)
    CommandBackend(settings).start(submission)
    given = (tmp_path / "words").read_text().splitlines()
    assert given[: len(words)] == [word.replace("NAME", f"{submission.name}-0") for word in words]
    if "workers.yaml" not in words:
        assert shlex.split(given[-1].partition(" && exec ")[2]) == submission.command(1)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("echo begin; printf 'no \\033[2Jhost\\377\\n' >&2; exit 3; {command}", ["exit code 3", "\\x1b[2Jhost\ufffd"]),
        ("no-such-program; exit $?; {command}", ["exit code 127", "no-such-program"]),
        ("kill -9 $$; {command}", ["was ended by SIGKILL"]),
        ("echo 'open; {command}", ["exit code 2"]),
        ("yes | head -c 100000; false {command}", ["exit code 1"]),
    ],
)
def test_a_line_that_fails_is_told_at_once_with_its_last_output(tmp_path: Path, template: str, said: list[str]) -> None:
    settings = CommandSettings(template=template)
    settings.check(1)
    began = time.monotonic()
    with pytest.raises(RunError) as raised:
        CommandBackend(settings, wait_seconds=60).start(submission_of(tmp_path / "sweep", settings))
    told = str(raised.value)
    assert told.startswith("a worker could not be started: this command ")
    assert template.partition(";")[0] in told
    assert [word for word in said if word not in told] == []
    assert len(told.splitlines()) <= 7
    assert time.monotonic() - began < 30


def test_what_has_become_of_the_others_is_told(tmp_path: Path) -> None:
    settings = CommandSettings(template=": {command}; test {host} = one || exit 255", hosts=["one", "two"])
    with pytest.raises(RunError) as raised:
        CommandBackend(settings).start(submission_of(tmp_path / "sweep", settings, workers=3))
    told = str(raised.value)
    assert "(1 of 3 commands have failed)" in told
    assert "test two = one" in told
    assert "The other 2 may run. To end them: " in told
    assert told.endswith(f" -m sweep.cancel={tmp_path}/sweep")


def test_it_waits_until_all_have_signed_on(tmp_path: Path) -> None:
    """A worker that has described itself has seen the folder, and has the right versions."""
    settings = CommandSettings(template="sleep 20; : {command}", workers_per_node=2)
    submission = submission_of(tmp_path / "sweep", settings, workers=4)
    workers = tmp_path / "sweep/workers"
    for number in (0, 0, 7, None):
        worker = this_worker(number)
        (workers / f"{worker.id}.json").write_text(json.dumps(asdict(worker)))
    began = time.monotonic()
    assert len(CommandBackend(settings, wait_seconds=60).start(submission)) == 2
    assert time.monotonic() - began < 20
    began = time.monotonic()
    CommandBackend(settings, wait_seconds=0.5).start(replace(submission, number=7))  # one of two
    assert time.monotonic() - began >= 0.5


def test_a_line_that_leaves_its_worker_to_a_scheduler_is_right(tmp_path: Path) -> None:
    settings = CommandSettings(template="echo submitted {name} && : {command}")
    submission = submission_of(tmp_path / "sweep", settings, workers=2)
    began = time.monotonic()
    assert len(CommandBackend(settings, wait_seconds=60).start(submission)) == 2
    assert time.monotonic() - began < 20
    log = tmp_path / "sweep" / SUBMISSIONS / "0000.0001.log"
    assert log.read_text() == f"submitted {submission.name}-1\n"


def test_cancel_runs_a_line_for_each(tmp_path: Path) -> None:
    settings = CommandSettings(template="{command}", cancel="echo {name} {host} >> {folder}/ended", hosts=["a"])
    submission = submission_of(tmp_path / "sweep", settings, workers=2)
    said = CommandBackend(settings).cancel(submission)
    assert said == f"ran echo {submission.name}-0 a >> {tmp_path}/sweep/ended and 1 more"
    ended = (tmp_path / "sweep/ended").read_text().splitlines()
    assert sorted(ended) == [f"{submission.name}-{index} a" for index in range(2)]
    assert CommandBackend(replace(settings, cancel=None)).cancel(submission) == ""
    failing = CommandBackend(replace(settings, cancel="echo no such job; exit 4"))
    with pytest.raises(RunError, match=r"(?s)a worker could not be cancelled: .*exit code 4.*no such job"):
        failing.cancel(replace(submission, workers=1))


def test_the_workers_outlive_the_command_that_has_started_them(tmp_path: Path) -> None:
    """They are in sessions of their own, so that Ctrl-C and the end of a terminal do not reach them."""
    settings = CommandSettings(template="ps -o sid= -p $$ > {folder}/sid; : {command}")
    CommandBackend(settings).start(submission_of(tmp_path / "sweep", settings))
    assert int((tmp_path / "sweep/sid").read_text()) != os.getsid(0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "sweep.backend.template= is empty: give the line that starts a worker"),
        ({"template": "ssh {host} {command}"}, "sweep.backend.template names {host}: give sweep.backend.hosts=["),
        ({"template": "{command}", "cancel": "ssh {host}"}, "sweep.backend.cancel names {host}: give sweep.backend"),
        ({"template": "ssh one run"}, "sweep.backend.template='ssh one run' does not name {command}, which is"),
        ({"template": "{commnd}"}, "sweep.backend.template: {commnd} is not known. Did you mean 'command'?"),
        ({"template": "{command} {}"}, "sweep.backend.template: {} is not known."),
        ({"template": "{command} | awk '{print}'"}, "sweep.backend.template: {print} is not known."),
        ({"template": "{command} {"}, "sweep.backend.template='{command} {': Single '{' encountered in format st"),
        ({"template": "{command:d}"}, "sweep.backend.template='{command:d}': Unknown format code 'd'"),
        ({"template": "{command!x}"}, "sweep.backend.template='{command!x}': Unknown conversion specifier"),
        ({"template": "{command.a}"}, "sweep.backend.template: {command.a} is not known."),
        ({"template": "{command:{x}}"}, "sweep.backend.template='{command:{x}}': 'x'."),
        (
            {"template": "ssh one '{command}'"},
            "sweep.backend.template=\"ssh one '{command}'\": {command} is in quotes.",
        ),
        (
            {"template": 'ssh one "cd x; {command}"'},
            "sweep.backend.template='ssh one \"cd x; {command}\"': {command} is ",
        ),
        (
            {"template": "{command}", "cancel": "{nam}"},
            "sweep.backend.cancel: {nam} is not known. Did you mean 'name'?",
        ),
    ],
)
def test_a_template_that_cannot_be_is_refused_before_anything_starts(settings: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        CommandSettings(**settings).check(1)  # type: ignore[arg-type]
    assert str(raised.value).startswith(message)


def test_braces_for_the_shell_are_written_twice() -> None:
    CommandSettings(template="{command} | awk '{{print}}'; echo ${{HOME}}").check(1)


@pytest.mark.parametrize("host", ["", " ", ["a"]])
def test_a_host_is_a_name(host: str) -> None:
    with pytest.raises(ConfigError, match="is no name of a host"):
        CommandSettings(hosts=["one", host])
