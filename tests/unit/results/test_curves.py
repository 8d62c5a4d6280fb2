"""The curves of runs, and their mean over seeds."""

from pathlib import Path

import pytest

from convboard.errors import ConfigError
from convboard.results.curves import Curve, mean_curve, read_curve

HEADER = "epoch,step,time,images_per_second,lr,loss/train,accuracy/train,loss/val,accuracy/val\n"
LINES = "1,10,1000.5,1,0.1,2.0,0.1,2.1,0.2\n2,20,1002.0,1,0.1,1.0,0.5,1.1,0.6\n"


def run(folder: Path, text: str = HEADER + LINES) -> Path:
    (folder / "curves.csv").write_text(text)
    return folder


@pytest.mark.parametrize(("at", "places"), [("epoch", (1, 2)), ("step", (10, 20)), ("time", (0, 1.5))])
def test_a_curve(tmp_path: Path, at: str, places: tuple[float, ...]) -> None:
    assert read_curve(run(tmp_path), "loss/val", at) == Curve(places, (2.1, 1.1))


def test_a_line_that_is_being_written_is_left_out(tmp_path: Path) -> None:
    half = "3,30,1003.0,1,0.1,0.5,0.6,0.987"
    assert read_curve(run(tmp_path, HEADER + LINES + half), "loss/val") == Curve((1, 2), (2.1, 1.1))


def test_a_damaged_line_is_left_out(tmp_path: Path) -> None:
    assert read_curve(run(tmp_path, HEADER + "1,10\n,,,,,,,x\n" + LINES), "loss/val") == Curve((1, 2), (2.1, 1.1))


@pytest.mark.parametrize("text", ["", HEADER, "a,b\n1,2\n", "\0"])
def test_a_file_without_curves(tmp_path: Path, text: str) -> None:
    assert read_curve(run(tmp_path, text), "loss/val") is None


def test_a_run_of_an_earlier_version_has_no_file(tmp_path: Path) -> None:
    assert read_curve(tmp_path, "loss/val") is None


def test_an_unknown_metric(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'loss/vol' is not a curve of .* Did you mean 'loss/val'"):
        read_curve(run(tmp_path), "loss/vol")


def test_the_mean_goes_as_far_as_the_shortest_curve() -> None:
    mean = mean_curve([Curve((0, 1, 2), (1, 2, 9)), Curve((0, 3), (3, 4))])
    assert (mean.at, mean.means, mean.n) == ((0, 2), (2, 3), 2)
    assert mean.deviations == pytest.approx((2**0.5, 2**0.5))


def test_the_mean_is_taken_of_values_of_the_same_epoch() -> None:
    """The file of a run that an earlier version has begun starts where it was resumed."""
    mean = mean_curve([Curve((1, 2, 3, 4), (1, 2, 3, 4)), Curve((3, 4), (5, 6))])
    assert (mean.at, mean.means) == ((3, 4), (4, 5))


def test_a_single_curve_has_no_spread() -> None:
    assert mean_curve([Curve((1,), (0.5,))]).deviations is None
