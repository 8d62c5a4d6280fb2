"""`runs.py compare` and `runs.py diff`."""

from pathlib import Path

import pytest

from convboard.cli.runs import compare, diff
from convboard.errors import ConfigError, RunError
from sweep_records import ended_sweep

ENOUGH = "If it stays as it is, 4 seeds are enough to tell."


@pytest.fixture(autouse=True)
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["scripts/runs.py"])
    monkeypatch.delenv("UV", raising=False)
    ended_sweep(
        tmp_path / "it", {"0.1": [0.8, 0.9, 0.85], "0.01": [0.81, 0.92, 0.86], "1": [0.5, 0.6, None], "2": [None]}
    )


def compared(capsys: pytest.CaptureFixture[str], *paths: str, **arguments: str) -> list[str]:
    compare.main([*paths], compare.Arguments(**arguments))
    return [" ".join(line.split()) for line in capsys.readouterr().out.splitlines() if line and "──" not in line]


def test_the_best_two_settings(capsys: pytest.CaptureFixture[str]) -> None:
    assert compared(capsys, "it") == [
        "A: optimizer.lr=0.1 (3 runs)",
        "B: optimizer.lr=0.01 (3 runs)",
        "A B",
        "accuracy/val 85.00% ± 5.00% 86.33% ± 5.51%",
        "accuracy/test 42.50% ± 2.50% 43.17% ± 2.75%",
        f"accuracy/val: B is better by 1.33 ± 1.43 points over 3 seeds, which may be chance (p = 0.057). {ENOUGH}",
        f"accuracy/test: B is better by 0.67 ± 0.72 points over 3 seeds, which may be chance (p = 0.057). {ENOUGH}",
        "± is the standard deviation in the table, and half the 95 % interval of the difference in the sentences "
        "(paired t test).",
        "A and B differ in optimizer.lr (0.1 vs. 0.01).",
        "more seeds: python train.py -m sweep.resume=it seed=3,4 optimizer.lr=0.1,0.01",
    ]


def test_conditions(capsys: pytest.CaptureFixture[str]) -> None:
    lines = compared(capsys, "it", a="optimizer.lr=1", b="optimizer.lr<1", metric="accuracy/val")
    assert lines[:2] == ["A: optimizer.lr=1 (3 runs)", "B: optimizer.lr<1 (6 runs)"]
    assert "accuracy/val: B is better by" in lines[4]
    assert not [line for line in lines if line.startswith("more seeds")]


@pytest.mark.parametrize(
    ("paths", "arguments", "message"),
    [
        ((), {"a": "seed=1"}, "Give both a= and b="),
        (("it", "it", "it"), {}, "3 folders are given"),
        (("it",), {"a": "seed=1", "b": "seed<2"}, "A and B have 3 runs in common"),
        (("it",), {"a": "seed=1", "b": "seed=7"}, "b=seed=7: there is no such run"),
        (("it",), {"a": "optimizer.lr=1", "b": "optimizer.lr=2"}, "B has no accuracy/val to compare: 1 failed"),
        (("it#0", "it/lr=0.1,seed=1"), {}, r"A and B are the same, optimizer.lr=0.1   \(3 runs\): a run of a sweep"),
        (("it#0",), {}, "There is one run: give two, or a folder with more"),
        (("it",), {"metric": "accuracy"}, "metric=accuracy is no metric of these runs. Allowed: accuracy/test"),
        (("it",), {"where": "seed=7"}, "No run in it fulfils seed=7"),
        (("it", "nowhere"), {}, "nowhere is not there"),
    ],
)
def test_what_cannot_be_compared(
    paths: tuple[str, ...], arguments: dict[str, str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises((ConfigError, RunError), match=message):
        compared(capsys, *paths, **arguments)


def test_one_setting_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended_sweep(tmp_path / "one", {"0.1": [0.8, 0.9]})
    with pytest.raises(RunError, match="no two settings with a result"):
        compared(capsys, "one")


def test_two_sweeps_seed_by_seed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended_sweep(tmp_path / "new", {"0.1": [0.82, 0.925, 0.87], "0.01": [0.83, 0.94, 0.885]})
    lines = compared(capsys, "it", "new")
    assert lines[:2] == ["A: it (10 runs)", "B: new (6 runs)"]
    assert lines[5].startswith("accuracy/val: B is better by 2.17 ± 0.27 points over 6 pairs of runs with the same")


def test_what_differs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended_sweep(tmp_path / "new", {"0.2": [0.9, 0.9]})
    diff.main(["it", "new"], diff.Arguments())
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines() if line and "──" not in line]
    assert lines[:5] == ["A: it", "B: new", "config A B", "seed 0, 1, 2 0, 1", "optimizer.lr 0.01, 0.1, 1.0, 2.0 0.2"]
    assert lines[8] == "accuracy/val 78.00% ± 15.00% 90.00% ± 0.00% +12.00 points"
    diff.main(["it", "it"], diff.Arguments())
    assert capsys.readouterr().out.endswith("A and B are the same.\n")
    with pytest.raises(ConfigError, match="1 path given: diff takes two"):
        diff.main(["it"], diff.Arguments())


def test_settings_of_two_sweeps_are_named_with_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended_sweep(tmp_path / "new", {"0.1": [0.82, 0.925, 0.87]})
    lines = compared(capsys, "it#0", "new#0")
    assert lines[:2] == ["A: it: optimizer.lr=0.1 (3 runs)", "B: new: optimizer.lr=0.1 (3 runs)"]
    assert lines[-1] == "A and B differ in nothing."


def test_seeds_compared_with_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    """More seeds would belong to neither."""
    lines = compared(capsys, "it", a="seed=0", b="seed=1", where="optimizer.lr<1")
    assert lines[-1] == "A and B differ in nothing but the seed."


def test_all_metrics_of_several_objectives_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = ended_sweep(tmp_path / "new", {"0.1": [0.82, 0.925, 0.87]})
    for block in other.trials.folder.glob("*.jsonl"):
        block.write_text(block.read_text().replace("accuracy/val", "loss/val"))
    lines = compared(capsys, "it", "new")
    assert [line.split(":")[0] for line in lines if "better" in line or "equally" in line] == [
        *("accuracy/val", "accuracy/test", "loss/val", "loss/test")
    ]
