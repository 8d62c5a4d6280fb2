"""The benchmarks of the tabs measure what they say; how fast that is, no test asserts."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.browser
def test_it_opens_the_tab_and_points_at_feature_maps(
    monkeypatch: pytest.MonkeyPatch, data_dir: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    from benchmarking import tab

    monkeypatch.setattr(tab, "RUNS", 3)
    monkeypatch.setattr(tab, "MOVES", 10)
    opening, pointing = tab.layers_tab(str(data_dir), rounds=1)
    assert opening.title == "Opening the Layers tab with 3 runs"
    assert [0 < float(row["seconds"]) <= float(row["slowest"]) for row in opening.rows] == [True] * 4
    (row,) = pointing.rows
    assert int(row["frames"]) > 0
    assert 0 < float(row["median, ms"]) <= float(row["longest, ms"])
    assert "layers_tab 4/4: pointing at a feature map" in capfd.readouterr().err
    sys.modules.pop("benchmarking.tab")


@pytest.mark.slow
@pytest.mark.browser
def test_it_opens_the_views_of_the_sweeps_tab_and_brushes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    from benchmarking import sweeps_tab

    monkeypatch.setattr(sweeps_tab, "MOVES", 10)
    opening, frames = sweeps_tab.sweeps_tab(rounds=1, sizes=((12, 5),))
    assert [0 < float(row["seconds"]) <= float(row["slowest"]) for row in opening.rows] == [True] * 4
    assert [str(row["while"]) for row in frames.rows] == [
        "brushing an axis",
        "pointing at lines",
        "pointing at curves of 12 runs",
        "smoothing curves of 12 runs",
    ]
    assert all(0 < float(row["median, ms"]) <= float(row["longest, ms"]) for row in frames.rows)
    sys.modules.pop("benchmarking.sweeps_tab")
