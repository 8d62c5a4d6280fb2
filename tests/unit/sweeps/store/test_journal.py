"""The journal: each trial once, in one state, whoever writes and whoever dies."""

import itertools
import json
import random
import subprocess
import time
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convboard.sweeps.store.entries import FOLLOWS, Entry, State
from convboard.sweeps.store.journal import Journal
from nfs_client import NfsClient
from python_code import start


def test_a_trial_waits_is_claimed_and_ends(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    assert journal.claim("a", range(3)) == 0
    assert journal.append(0, Entry(State.FINISHED, "a", value=0.5, seconds=2.0))
    assert journal.claim("a", range(3)) == 1
    again = Journal(tmp_path)
    again.refresh()
    assert [again.state(number) for number in range(3)] == [State.FINISHED, State.RUNNING, State.WAITING]
    assert again.entries(0)[-1].value == 0.5
    assert list(again.running()) == [(1, "a")]
    assert again.count(range(3)) == dict.fromkeys(State, 0) | {
        State.FINISHED: 1,
        State.RUNNING: 1,
        State.WAITING: 1,
    }


def test_a_worker_that_was_taken_for_dead_cannot_end_the_trial_of_another(tmp_path: Path) -> None:
    slow, other = Journal(tmp_path), Journal(tmp_path)
    assert slow.claim("slow", [0]) == 0
    other.refresh()
    assert other.append(0, Entry(State.INTERRUPTED, reason="slow gives no sign of life"))
    assert other.claim("other", [0]) == 0
    assert not slow.append(0, Entry(State.FINISHED, "slow", value=1.0))
    assert slow.state(0) is State.RUNNING
    assert slow.entries(0)[-1].worker == "other"


def test_a_worker_that_was_taken_for_dead_ends_nothing_whatever_has_become_of_the_trial(tmp_path: Path) -> None:
    slow, other = Journal(tmp_path), Journal(tmp_path)
    assert slow.claim("slow", [0]) == 0
    other.refresh()
    for state, worker in ((State.INTERRUPTED, "slow"), (State.RUNNING, "other"), (State.FINISHED, "other")):
        assert other.append(0, Entry(state, worker))
        slow.refresh()
        assert slow.holder(0) == ("other" if state is State.RUNNING else None)
        assert not slow.end(0, Entry(State.FINISHED, "slow"))
    assert other.state(0) is State.FINISHED


def test_a_view_that_is_late_claims_nothing_twice_and_sees_what_it_has_missed(tmp_path: Path) -> None:
    """A machine may see the files of others up to a minute late."""
    late, other = Journal(tmp_path), Journal(tmp_path)
    late.refresh()
    claimed = [other.claim("other", range(5)) for _ in range(3)]
    *both, none = [late.claim("late", range(5)) for _ in range(3)]  # in any order: it skips some at random
    assert (set(both), none) == ({3, 4}, None)
    assert claimed == [0, 1, 2]
    other.end(2, Entry(State.FINISHED, "other"))
    late.refresh()
    assert late.count(range(5)) == journal_of(tmp_path).count(range(5))


def test_a_client_of_nfs_that_has_looked_in_vain_claims_nothing_twice_and_sees_all(tmp_path: Path) -> None:
    client, late, other = NfsClient(), Journal(tmp_path), Journal(tmp_path)
    with client.looking():
        late.refresh()
        assert late.claim("late", [0]) == 0
        for number in range(5):
            late.refresh_trial(number)  # looks for its next entry in vain
    assert [other.claim("other", [number]) for number in (1, 2)] == [1, 2]
    other.end(2, Entry(State.FINISHED, "other"))
    assert other.claim("other", [3]) == 3
    with client.looking():
        assert late.state(1) is State.WAITING
        assert late.claim("late", [1]) is None
        assert late.state(1) is State.RUNNING
        late.refresh()
        assert late.count(range(5)) == journal_of(tmp_path).count(range(5))
        assert late.claim("late", range(5)) == 4


def test_an_entry_whose_follower_has_survived_a_crash_is_made_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.claim("a", [0])
    journal.end(0, Entry(State.FINISHED, "a", value=0.5))
    (tmp_path / "000/00000.0000.json").unlink()
    again = journal_of(tmp_path)
    assert again.state(0) is State.WAITING
    assert again.claim("b", [0]) == 0
    again.refresh()
    assert again.state(0) is State.FINISHED
    assert not again.end(0, Entry(State.FINISHED, "b"))


def test_an_entry_of_which_a_crash_left_nothing_is_the_loss_of_its_worker(tmp_path: Path) -> None:
    (tmp_path / "000").mkdir()
    for content in ("", "{", '{"state": "running"}', '{"state": "gone"}', "[]", "[" * 100_000, "x" * 1_000_001):
        (tmp_path / "000/00007.0000.json").write_text(content)
        journal = Journal(tmp_path)
        journal.refresh()
        assert journal.state(7) is State.INTERRUPTED
        assert journal.entries(7)[0].reason == "00007.0000.json of the journal is damaged"
    assert journal.claim("a", [7]) == 7


def test_other_files_are_no_entries(tmp_path: Path) -> None:
    (tmp_path / "000").mkdir()
    for name in ("000/.00001.0000.json.box.1.ab.tmp", "000/notes.txt", "000/1.0000.json", "00001.0000.json", "x"):
        (tmp_path / name).touch()
    journal = Journal(tmp_path)
    journal.refresh()
    assert journal.state(1) is State.WAITING


@settings(max_examples=20)
@given(
    moves=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1), st.sampled_from(State), st.booleans()), max_size=30)
)
def test_all_who_read_agree_whatever_several_write(
    moves: list[tuple[int, int, State, bool]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Three processes with views of any age append what is allowed in their view: no entry is lost or replaced."""
    folder = tmp_path_factory.mktemp("journal")
    journals = [Journal(folder) for _ in range(3)]
    added: dict[int, list[State]] = {}
    for who, number, state, refreshes in moves:
        if refreshes:
            journals[who].refresh()
        if state in FOLLOWS[journals[who].state(number)] and journals[who].append(number, Entry(state, str(who))):
            added.setdefault(number, []).append(state)
    for journal in journals:
        journal.refresh()
        for number in range(2):
            assert [entry.state for entry in journal.entries(number)] == added.get(number, [])


def over(folder: Path, *running: int) -> Journal:
    """A journal of a hundred trials that were pruned before they began, but for those that run."""
    (folder / "000").mkdir()
    for number in range(100):
        entry = Entry(State.RUNNING if number in running else State.PRUNED, "worker", time=number)
        (folder / f"000/{number:05}.0000.json").write_text(json.dumps(asdict(entry)))
    return journal_of(folder)


def logs(folder: Path) -> list[list[Entry]]:
    """The entries of a hundred trials, as a process knows them that reads them all now."""
    return list(map(journal_of(folder).entries, range(100)))


def test_who_reads_a_block_of_which_all_trials_are_over_reads_one_file(tmp_path: Path) -> None:
    entries = logs(over(tmp_path).folder)
    journal_of(tmp_path).compact()
    for path in tmp_path.glob("000/*"):
        path.write_text("")  # would be a damaged entry
    assert logs(tmp_path) == entries


def test_what_is_added_to_a_block_in_one_file_is_seen_by_all(tmp_path: Path) -> None:
    early, compacting = over(tmp_path), journal_of(tmp_path)
    compacting.compact()
    late = journal_of(tmp_path)
    assert late.append(7, Entry(State.WAITING, reason="taken further"))
    assert late.claim("other", [7]) == 7
    early.refresh()
    for journal in (early, late, journal_of(tmp_path)):
        assert list(journal.running()) == [(7, "other")]
        assert list(journal.claimable(range(200)))[:2] == [100, 101]


def test_what_is_added_after_the_entries_were_read_and_before_they_are_written_is_not_lost(tmp_path: Path) -> None:
    compacting, other = over(tmp_path), journal_of(tmp_path)
    assert other.append(7, Entry(State.WAITING, reason="taken further"))
    assert not compacting.claim("late", [3])
    compacting.compact()  # does not know of it
    other.compact()
    assert [journal.state(7) for journal in (journal_of(tmp_path), other)] == [State.WAITING] * 2
    other.claim("me", [7])
    other.end(7, Entry(State.FINISHED, "me"))
    other.compact()  # the file is there already, and stays as it is
    assert len((tmp_path / "000.jsonl").read_text().splitlines()) == 100
    assert [entry.state for entry in logs(tmp_path)[7]] == [State.PRUNED, *list(State)[:3]]


def test_a_block_is_written_once_all_its_trials_are_over_by_the_worker_that_has_ended_the_last_one(
    tmp_path: Path,
) -> None:
    journal = over(tmp_path, 50)
    journal.compact()
    assert not (tmp_path / "000.jsonl").exists()
    holder = journal_of(tmp_path)
    holder.end(50, Entry(State.FINISHED, "worker", value=1.0))
    for reader, worker in ((journal, "other"), (journal_of(tmp_path), "other"), (holder, "worker")):
        assert not (tmp_path / "000.jsonl").exists()
        reader.refresh()
        reader.compact(worker)
    assert (tmp_path / "000.jsonl").exists()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"trial": 7}', '{"trial": [], "entries": []}', "[" * 100_000])
def test_a_damaged_file_of_a_block_is_as_none(tmp_path: Path, content: str) -> None:
    entries = logs(over(tmp_path).folder)
    journal_of(tmp_path).compact()
    first, *lines = (tmp_path / "000.jsonl").read_text().splitlines()
    for damaged in ("\n".join([first, content, *lines[50:]]), first.replace('"trial": 0', '"trial": 100')):
        (tmp_path / "000.jsonl").write_text(damaged)
        assert logs(tmp_path) == entries


@pytest.mark.thorough
@settings(max_examples=100, deadline=None)
@given(moves=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1), st.sampled_from([*State, None])), max_size=30))
def test_all_who_read_agree_whoever_writes_the_block_into_one_file_and_when(
    moves: list[tuple[int, int, State | None]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Three processes with views of any age append, read again, and write the block into one file."""
    folder = tmp_path_factory.mktemp("journal")
    over(folder)
    journals = [journal_of(folder) for _ in range(3)]
    added = {number: [State.PRUNED] for number in range(2)}
    for who, number, state in moves:
        if state is None:
            if number:
                journals[who].refresh()
            journals[who].compact()
        elif state in FOLLOWS[journals[who].state(number)] and journals[who].append(number, Entry(state, str(who))):
            added[number].append(state)
    for journal in [*journals, journal_of(folder)]:
        journal.refresh()
        for number in range(2):
            assert [entry.state for entry in journal.entries(number)] == added[number]
    with_file = logs(folder)
    (folder / "000.jsonl").unlink(missing_ok=True)
    assert logs(folder) == with_file


def journal_of(folder: Path) -> Journal:
    """A journal that has been read; between two of its looks at the time, an hour passes."""
    journal = Journal(folder, clock=itertools.count(0.0, 3600.0).__next__)
    journal.refresh()
    return journal


def process(code: str, folder: Path, *arguments: object) -> "subprocess.Popen[str]":
    """A process that runs `code` with a journal."""
    imports = "import sys; from pathlib import Path; from convboard.sweeps.store.journal import *"
    code = f"{imports}\njournal = Journal(Path(sys.argv[1]))\n{code}"
    return start(code, folder, *arguments)


def test_no_trial_is_claimed_twice_or_missed(tmp_path: Path) -> None:
    code = """
while (number := journal.claim(sys.argv[2], range(40))) is not None:
    print(number)
    journal.append(number, Entry(State.FINISHED, sys.argv[2]))
"""
    workers = [process(code, tmp_path, name) for name in "abcd"]
    claimed = [int(number) for worker in workers for number in worker.communicate(timeout=60)[0].split()]
    assert sorted(claimed) == list(range(40))


def test_whoever_is_killed_every_trial_has_one_state(tmp_path: Path) -> None:
    code = """
for number in range(10_000):
    journal.claim("doomed", [number])
    journal.append(number, Entry(State.FINISHED, "doomed"))
    journal.compact("doomed")
"""
    doomed = process(code, tmp_path)
    while not (tmp_path / "001/00110.0000.json").exists():
        assert doomed.poll() is None
    time.sleep(random.random() / 100)
    doomed.kill()
    doomed.communicate()
    journal = Journal(tmp_path)
    journal.refresh()
    states = journal.count(range(10_000))
    assert states[State.FINISHED] >= 110
    assert (tmp_path / "000.jsonl").exists()
    assert states[State.RUNNING] <= 1
    assert states[State.FINISHED] + states[State.RUNNING] + states[State.WAITING] == 10_000
    assert journal.claim("next", range(10_000)) == states[State.FINISHED] + states[State.RUNNING]
