"""A sweep whose workers are started by ssh on two hosts: each trial once, and as its own command line makes it."""

import json
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from clusters.ssh_server import SshHosts
from convboard.experiment.run_files import RESULT
from convboard.experiment.stored_json import read_result
from convboard.sweeps.store.entries import State
from convboard.sweeps.store.liveness import host_of
from convboard.sweeps.store.sweep_folder import Sweep

RunCommand = Callable[..., "subprocess.CompletedProcess[str]"]

pytestmark = pytest.mark.thorough
RUNS = ("dataset=digits", "seed=1,2,3,4", "board=minimal", "trainer.max_epochs=10")


def backend(ssh: SshHosts, *hosts: str) -> list[str]:
    template = f"ssh -F {shlex.quote(str(ssh.config))} {{host}} {{command}}"
    return ["sweep/backend=command", f"sweep.backend.template={template}", f"sweep.backend.hosts=[{','.join(hosts)}]"]


def test_each_trial_runs_once_on_one_of_the_hosts_and_as_alone_also_without_the_connection(
    ssh: SshHosts, run_command: RunCommand, tmp_path: Path
) -> None:
    folder = "it's a sweep"  # is quoted for two shells
    run_command("train.py", "-m", *backend(ssh, *ssh.hosts), "sweep.workers=2", f'hydra.sweep.dir="{folder}"', *RUNS)
    for process in psutil.process_iter(["cmdline"]):
        if process.info["cmdline"] and process.info["cmdline"][:3] == ["ssh", "-F", str(ssh.config)]:
            process.kill()  # the connection is lost, as when the machine that has started the workers is switched off
    run_command("train.py", "-m", f'sweep.watch="{folder}"')

    sweep = Sweep.open(tmp_path / folder)
    states = [[entry.state for entry in sweep.journal.entries(trial.number)] for trial in sweep.trials]
    assert states == 4 * [[State.RUNNING, State.FINISHED]]
    hosts = {host_of(sweep.journal.entries(trial.number)[-1].worker) for trial in sweep.trials}
    assert hosts <= set(ssh.hosts)  # the faster one may take all
    workers = [json.loads(path.read_text()) for path in sweep.workers.glob("*.json")]
    assert sorted((one["host"], one["submission"]) for one in workers) == [(host, 0) for host in ssh.hosts]

    run_command("train.py", *sweep.trials[0].overrides, "hydra.run.dir=alone")
    metrics = [read_result(run / RESULT)["metrics"] for run in (tmp_path / "alone", sweep.run_dir(0))]
    assert metrics[0] == metrics[1]


def test_a_host_that_refuses_is_told_in_the_words_of_ssh_and_the_other_one_goes_on(
    ssh: SshHosts, run_command: RunCommand, tmp_path: Path
) -> None:
    ssh.kill_host("host2")
    arguments = [*backend(ssh, *ssh.hosts), "sweep.workers=2", "hydra.sweep.dir=sweep", *RUNS]
    refused = run_command("train.py", "-m", *arguments, expected_code=2)
    assert "(1 of 2 commands have failed)" in refused.stderr
    assert re.search(
        r"exit code 255\.\n  ssh -F .* host2 .*\n  ssh: connect to host .* Connection refused", refused.stderr
    )
    assert "Traceback" not in refused.stderr

    run_command("train.py", "-m", "sweep.watch=sweep")
    sweep = Sweep.open(tmp_path / "sweep")
    assert sweep.journal.count(range(4))[State.FINISHED] == 4
