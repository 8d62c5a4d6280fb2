import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from convboard.training.execution_plan.plan import Plan
from convboard.training.execution_plan.plan_cache import Measurement, load_measurement, save_measurement

PLANS = [Plan(torch.device("cpu"), threads=threads) for threads in (1, 2, 3)]
MEASURED = Measurement(budget=3.0, seconds={PLANS[0]: 0.1, PLANS[2]: 0.02}, images=32)
CASE: dict[str, Any] = {"torch": "3", "batches": [[1, 2]]}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "convboard" / "plans"


def test_what_was_measured_is_known_in_the_same_case_alone(cache: Path) -> None:
    assert load_measurement(CASE, PLANS) is None
    save_measurement(CASE, PLANS, MEASURED)
    assert load_measurement(CASE, PLANS) == MEASURED
    assert load_measurement({**CASE, "torch": "3.1"}, PLANS) is None
    assert len(list(cache.iterdir())) == 1


def altered(**changes: Any) -> str:
    return json.dumps({"case": CASE, "budget": 3.0, "seconds": {"0": 0.1}, **changes})


@pytest.mark.parametrize(
    "content",
    [
        *("", "{", "[]", "null", "\x00", "{}"),
        altered(case={}),
        altered(budget="much"),
        altered(seconds=[]),
        *(altered(seconds=seconds) for seconds in ({"1": 0.1}, {"0": 0.1, "9": 0.1}, {"0": 0}, {"0": "fast"})),
        altered(seconds={"0": float("nan")}),
    ],
)
def test_what_is_damaged_is_forgotten(content: str, cache: Path) -> None:
    save_measurement(CASE, PLANS, MEASURED)
    (file,) = cache.iterdir()
    file.write_text(content)
    assert load_measurement(CASE, PLANS) is None
    save_measurement(CASE, PLANS, MEASURED)
    assert load_measurement(CASE, PLANS) == MEASURED


def test_nobody_waits_for_a_pipe(cache: Path) -> None:
    save_measurement(CASE, PLANS, MEASURED)
    (file,) = cache.iterdir()
    file.unlink()
    os.mkfifo(file)
    assert load_measurement(CASE, PLANS) is None
    save_measurement(CASE, PLANS, MEASURED)
    assert load_measurement(CASE, PLANS) == MEASURED


def test_a_cache_that_cannot_be_written_is_done_without(cache: Path) -> None:
    cache.parent.write_text("a file where a folder should be")
    save_measurement(CASE, PLANS, MEASURED)
    assert load_measurement(CASE, PLANS) is None


@pytest.mark.parametrize("cache_home", ["", "relative"])
def test_without_a_cache_of_its_own_it_is_in_the_home_folder(
    cache_home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", cache_home)
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    save_measurement(CASE, PLANS, MEASURED)
    assert load_measurement(CASE, PLANS) == MEASURED
    assert len(list((tmp_path / "me/.cache/convboard/plans").iterdir())) == 1
