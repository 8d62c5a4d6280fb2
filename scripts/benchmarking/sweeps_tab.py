"""The Sweeps tab over a sweep of many runs: how soon it is open, and how smoothly it follows the pointer.

A real TensorBoard and a real Chromium. The sweep is written as training leaves it, but for checkpoints and pictures.
Each of its runs is a setting of its own.
"""

import json
import math
import random
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any
from urllib.request import urlopen

import yaml

from benchmarking.browser import STOP, VIEWPORT, WATCH, browser_of, find_chromium, tensorboard
from benchmarking.progress import Progress
from benchmarking.tables import Cell, Section
from convboard.board.event_file import EventFile
from convboard.board.summaries import scalar
from convboard.config.compose import compose_config
from convboard.sweeps.store.entries import Entry, State
from convboard.sweeps.store.sweep_folder import Sweep
from convboard.sweeps.store.sweep_record import SweepRecord
from convboard.sweeps.store.trials import Trial, folder_name

SIZES = ((200, 500), (1_000, 20))  # runs, and points of each curve
MOVES = 120  # of the pointer
FOLDER = "sweeps/many"
TAG = "accuracy/val"
_FRAMES = {"runs": ",.0f", "points": ",.0f", "while": "", "frames": ",.0f", "median, ms": ".1f", "longest, ms": ".1f"}
_OPENED = {"runs": ",.0f", "points": ",.0f", "shown": "", "seconds": ".2f", "slowest": ".2f"}
_ALL_CURVES = """(count) => {
  const values = [...document.querySelectorAll(".legend .value")];
  return values.length === count && values.every((value) => value.textContent.includes("%"));
}"""


def sweeps_tab(rounds: int, sizes: tuple[tuple[int, int], ...] = SIZES) -> list[Section]:
    """Open the views of the tab, and move the pointer in them.

    Args:
        rounds: How often each view is opened.
        sizes: Numbers of runs, and of points of each curve.
    """
    chromium = find_chromium("sweeps_tab")
    progress = Progress("sweeps_tab", [runs * part for runs, _ in sizes for part in (1, rounds, 1)])
    opened: list[dict[str, Cell]] = []
    frames: list[dict[str, Cell]] = []
    for runs, points in sizes:
        with tempfile.TemporaryDirectory() as folder:
            logdir = Path(folder) / "outputs"
            progress.begin(f"making {runs:,} runs")
            write_sweep(logdir / FOLDER, runs, points)
            began = time.perf_counter()
            with (
                tensorboard(logdir, lambda address, runs=runs: _is_read(address, runs)) as address,  # type: ignore[misc]
                browser_of(chromium) as browser,
            ):
                size: dict[str, Cell] = {"runs": runs, "points": points}
                seconds = time.perf_counter() - began
                opened.append({**size, "shown": "TensorBoard, with all runs", "seconds": seconds, "slowest": seconds})
                progress.begin(f"opening the tab with {runs:,} runs")
                opened += [size | row for row in _open(browser, address, rounds, runs)]
                progress.begin(f"moving the pointer with {runs:,} runs")
                frames += [size | row for row in _move(browser, address, runs)]
    return [Section("The Sweeps tab until it shows", _OPENED, opened), Section("Its frames", _FRAMES, frames)]


def write_sweep(folder: Path, runs: int, points: int) -> None:
    """Write a sweep of finished runs of random settings.

    Args:
        folder: Its folder.
        runs: Number of its runs.
        points: Of the curve of each run.
    """
    draw = random.Random(0)
    base = compose_config([f"trainer.max_epochs={points}"]).config.to_dict()
    values = [
        {
            "optimizer.lr": float(f"{10 ** draw.uniform(-4, 0):.4g}"),
            "batch_size": draw.choice((16, 32, 64, 128)),
            "dataset.random_crop": draw.randrange(5),
            "optimizer.momentum": round(draw.random(), 3),
        }
        for _ in range(runs)
    ]
    trials = [_trial(number, chosen, base) for number, chosen in enumerate(values)]
    sweep = Sweep.create(folder, SweepRecord("train.py -m", tuple(trials[0].swept), TAG, "benchmark", {}), trials)
    for trial, chosen in zip(trials, values, strict=True):
        best = 0.98 - 0.03 * math.log10(float(chosen["optimizer.lr"]) / 0.03) ** 2 + draw.gauss(0, 0.005)
        _write_run(sweep, trial, [best - 0.5 * math.exp(-6 * at / points) for at in range(1, points + 1)])


def _trial(number: int, values: dict[str, Any], base: dict[str, Any]) -> Trial:
    swept = {key: str(value) for key, value in values.items()}
    config = json.loads(json.dumps(base))
    for key, value in values.items():
        group, _, name = key.rpartition(".")
        (config[group] if group else config)[name] = value
    return Trial(number, tuple(f"{key}={value}" for key, value in swept.items()), swept, folder_name(swept), config)


def _write_run(sweep: Sweep, trial: Trial, curve: list[float]) -> None:
    run = sweep.run_dir(trial.number)
    run.mkdir()
    (run / "config.yaml").write_text(yaml.safe_dump(trial.config))
    (run / "curves.csv").write_text("epoch,step\n1,20\n")
    metrics = {TAG: curve[-1], "accuracy/test": curve[-1], "loss/val": 1 - curve[-1], "loss/test": 1 - curve[-1]}
    result = {"status": "finished", "best_epoch": 1, "epochs": len(curve), "seconds": 60.0, "metrics": metrics}
    (run / "result.json").write_text(json.dumps(result))
    sweep.journal.append(trial.number, Entry(State.RUNNING, "worker"))
    sweep.journal.append(trial.number, Entry(State.FINISHED, "worker", value=curve[-1]))
    events = EventFile.create(run)
    for epoch, value in enumerate(curve, 1):
        events.write([scalar(TAG, value)], 20 * epoch)
    events.close()


def _is_read(address: str, runs: int) -> bool:
    """Whether the server has read the curves of all runs."""
    with urlopen(f"{address}/data/plugin/scalars/tags", timeout=60) as answer:
        return len(json.loads(answer.read())) == runs


def _open(browser: Any, address: str, rounds: int, runs: int) -> list[dict[str, Cell]]:
    """Open each view as often as asked for, and give the times until it shows what it has."""
    page = browser.new_context(viewport=VIEWPORT).new_page()
    shown: dict[str, list[float]] = {}
    for _ in range(rounds + 1):  # the first time the browser has none of the files
        page.goto("about:blank")
        page.goto(f"{address}/#text")
        tab = page.get_by_role("tab", name="Sweeps")
        tab.wait_for()
        page.wait_for_load_state("networkidle")
        frame = page.frame_locator("iframe")
        began = time.perf_counter()
        tab.click()
        frame.locator(".rows .row").first.wait_for()
        shown.setdefault("the table, by a click on the tab", []).append(time.perf_counter() - began)
        began = time.perf_counter()
        frame.get_by_role("tab", name="What mattered").click()
        frame.locator(".importance .bar").first.wait_for()
        shown.setdefault("What mattered, by a click in the tab", []).append(time.perf_counter() - began)
        shown.setdefault("Curves of all runs, by a link", []).append(_open_curves(page, address, runs))
    page.context.close()
    return [{"shown": what, "seconds": median(times[1:]), "slowest": max(times)} for what, times in shown.items()]


def _open_curves(page: Any, address: str, runs: int) -> float:
    """Seconds from an empty page, without TensorBoard around the tab, to the curves of up to 200 runs."""
    count = min(runs, 200)
    page.goto("about:blank")
    began = time.perf_counter()
    page.goto(_link(address, view="curves", picked=",".join(map(str, range(count)))))
    page.wait_for_function(_ALL_CURVES, arg=count)
    return time.perf_counter() - began


def _link(address: str, **chosen: str) -> str:
    return f"{address}/data/plugin_entry.html?name=sweeps#sweeps" + "".join(
        f"&p.sweeps.{name}={value}" for name, value in chosen.items()
    )


def _move(browser: Any, address: str, runs: int) -> list[dict[str, Cell]]:
    """Brush an axis, point at lines and at curves, and give the times between frames."""
    page = browser.new_page(viewport=VIEWPORT)
    page.goto(_link(address, view="mattered"))
    page.locator(".importance .bar").first.wait_for()
    page.wait_for_timeout(1000)
    box = page.locator(".parallel-plot").bounding_box()
    right, top, height = box["x"] + box["width"] - 70, box["y"] + 44, box["height"] - 64
    page.mouse.move(right, top)
    page.mouse.down()
    rows = [_watched(page, "brushing an axis", lambda at: page.mouse.move(right, top + at * height))]
    page.mouse.up()
    page.keyboard.press("x")
    along = lambda at: page.mouse.move(right - 60 - at * 300, top + height / 2)  # noqa: E731
    rows.append(_watched(page, "pointing at lines", along))
    _open_curves(page, address, runs)
    page.wait_for_timeout(1000)
    box = page.locator(".curve-plot").bounding_box()
    across = lambda at: page.mouse.move(box["x"] + 80 + at * (box["width"] - 120), box["y"] + 40)  # noqa: E731
    rows.append(_watched(page, f"pointing at curves of {min(runs, 200)} runs", across))
    slider = page.locator("input[aria-label=Smoothing]")
    smooth = lambda at: slider.fill(f"{0.9 * at:.2f}")  # noqa: E731
    rows.append(_watched(page, f"smoothing curves of {min(runs, 200)} runs", smooth))
    page.close()
    return rows


def _watched(page: Any, what: str, act: Any) -> dict[str, Cell]:
    page.evaluate(WATCH)
    for move in range(MOVES):
        act(move / MOVES)
    times: list[float] = page.evaluate(STOP)
    return {"while": what, "frames": len(times), "median, ms": median(times), "longest, ms": max(times)}
