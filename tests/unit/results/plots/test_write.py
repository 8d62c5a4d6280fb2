"""Figures as files: PNG, SVG, and one page that needs nothing else."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from convboard.errors import ConfigError, RunError
from convboard.results.plots.draw import draw_plots
from convboard.results.plots.options import PlotOptions, check_format
from convboard.results.plots.write import write_plots
from convboard.results.table import RunTable
from convboard.sweeps.store.entries import State
from run_rows import run_row

HOSTILE = "<img src=x onerror=alert(1)> & \"'"


def write(out: Path, table: RunTable, *kinds: str) -> list[Path]:
    figures, _ = draw_plots(table, PlotOptions(kinds))
    return write_plots(out, "my runs", table, figures)


def test_an_image_for_each_figure(tmp_path: Path, sweep: RunTable) -> None:
    (one,) = write(tmp_path / "new" / "a.png", sweep, "importance")
    assert one == tmp_path / "new" / "a.png"
    with Image.open(one) as image:
        assert image.width > 1000
    two = write(tmp_path / "b.svg", sweep, "importance", "heat_map")
    assert [path.name for path in two] == ["b-importance.svg", "b-heat_map.svg"]
    assert all(path.read_text().startswith("<?xml") for path in two)


def test_the_same_figure_is_the_same_file(tmp_path: Path, sweep: RunTable) -> None:
    (path,) = write(tmp_path / "a.svg", sweep, "objective")
    before = path.read_bytes()
    write(path, sweep, "objective")  # its own file is replaced
    assert path.read_bytes() == before


@pytest.mark.parametrize("suffix", [".html", ".png", ".svg"])
def test_a_file_of_somebody_else_is_not_overwritten(tmp_path: Path, sweep: RunTable, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_text("mine")
    with pytest.raises(ConfigError, match="is there already, and was not drawn by this command"):
        write(path, sweep, "importance")
    path.unlink()
    write(path, sweep, "importance")
    write(path, sweep, "importance")


def test_a_place_that_cannot_be_written(tmp_path: Path, sweep: RunTable) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match=r"cannot be written: .* Choose another place with out="):
        write(tmp_path / "file" / "a.png", sweep, "importance")


def test_a_page_has_the_figures_the_settings_and_what_failed(tmp_path: Path, sweep: RunTable) -> None:
    failed = run_row(20, None, State.FAILED, model="b", optimizer__lr=9.0, seed=1)
    rows = RunTable([*sweep, replace(failed, reason="out of memory")], sweep.differing)
    (path,) = write(tmp_path / "a.html", rows, "heat_map", "importance")
    page = path.read_text()
    assert page.count("<img ") == 2
    assert "9 runs: 8 finished, 1 failed" in page
    assert re.search(r"Best: <strong>lenet, lr=0.1</strong> accuracy/val 96.00% ± 1.41%, mean over 2 seeds", page)
    assert "<td>lenet</td><td>0.1</td>" in page
    assert "out of memory" in page
    assert not re.search(r"(?:src|href)=.?(?!data:|\")", page.replace('src="data:', ""))


def test_text_on_a_page_is_never_markup(tmp_path: Path) -> None:
    rows = [
        run_row(0, 0.9, model=HOSTILE),
        run_row(1, 0.8, model="b"),
        replace(run_row(2, None, State.FAILED), reason=HOSTILE),
    ]
    table = RunTable(rows, ["model"])
    figures, _ = draw_plots(table, PlotOptions(["importance"]))
    (path,) = write_plots(tmp_path / "a.html", HOSTILE, table, figures)
    assert "<img src=x" not in path.read_text()
    assert "default-src 'none'" in path.read_text()


def test_the_name_of_a_file_has_the_format() -> None:
    check_format(Path("a.PNG"))
    with pytest.raises(ConfigError, match=r"out=a.pdf: the name of the file must end with .html, .png or .svg"):
        check_format(Path("a.pdf"))
