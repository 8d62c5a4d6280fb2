"""The command that draws runs."""

from pathlib import Path

import pytest

from convboard.cli.runs.plot import Arguments, main
from convboard.errors import ConfigError, RunError
from convboard.sweeps.store.entries import State
from synthetic_sweep import Outcome, grid, write_sweep


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models, two learning rates, two seeds; one run has failed."""
    folder = tmp_path_factory.mktemp("sweep")
    settings = grid({"model": ["lenet", "batchnorm_cnn"], "optimizer.lr": [0.1, 0.01], "seed": [1, 2]})
    outcomes = [Outcome(value=0.9 + number / 100) for number in range(7)]
    write_sweep(folder / "sweep", settings, [*outcomes, Outcome(State.FAILED, reason="out of memory")])
    return folder / "sweep"


def test_all_figures_on_one_page_beside_the_runs(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(sweep)], Arguments())
    assert capsys.readouterr().out == f"written: {sweep}/plots.html\n"
    page = (sweep / "plots.html").read_text()
    assert page.count("<img ") == 5
    assert "8 runs: 7 finished, 1 failed" in page
    assert "out of memory" in page


def test_images_of_some_figures(sweep: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = Arguments("curves, importance", tag="loss/train", x="time", out=str(tmp_path / "a.svg"))
    main([str(sweep)], arguments)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-curves.svg", "a-importance.svg"]
    assert capsys.readouterr().out.count("written: ") == 2


def test_what_is_not_drawn_is_said(sweep: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(sweep)], Arguments(where="model=lenet", out=str(tmp_path / "a.html")))
    said = capsys.readouterr().out
    assert "heat_map cannot be drawn: it needs two keys, and optimizer.lr is the only one.\n" in said


def test_mistakes(sweep: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"out=a.jpg: the name of the file must end with"):
        main([str(tmp_path / "missing")], Arguments(out="a.jpg"))
    with pytest.raises(RunError, match="There are no runs in"):
        main([str(tmp_path)], Arguments())
    with pytest.raises(RunError, match=r"No run in .* fulfils model=resnet18. Its 8 runs have\n  model: "):
        main([str(sweep)], Arguments(where="model=resnet18"))
    with pytest.raises(ConfigError, match=r"'loss/test' is not a curve of .* Allowed: accuracy/train, accuracy/val"):
        main([str(sweep)], Arguments(tag="loss/test"))
