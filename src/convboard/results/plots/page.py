"""One HTML page with all figures, the settings and what failed. It needs no other file, no network and no script."""

import base64
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape

from convboard.config.objectives import format_metric
from convboard.experiment.console import counted
from convboard.results.metric_text import summary_text
from convboard.results.plots.labels import setting_name, shown_value
from convboard.results.run_row import UNREADABLE
from convboard.results.setting import Setting
from convboard.results.table import RunTable
from convboard.sweeps.store.entries import State

_MOST_SETTINGS, _MOST_FAILED = 100, 20  # rows
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="generator" content="{mark}">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
{style}
</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""
_STYLE = """:root { color-scheme: light; }
body { margin: 2rem auto; max-width: 76rem; padding: 0 1.5rem; color: #20262e; background: #fff;
  font: 15px/1.5 system-ui, sans-serif; }
h1 { margin: 0 0 .5rem; font-size: 1.4rem; overflow-wrap: anywhere; }
h2 { margin: 2.5rem 0 .75rem; padding-top: .75rem; border-top: 1px solid #e1e5ea; font-size: 1.1rem; }
main { display: flex; flex-wrap: wrap; align-items: start; gap: 2rem; margin-top: 2rem; }
img { max-width: 100%; height: auto; }
code { display: block; padding: .5rem .75rem; border-radius: 4px; background: #f2f4f7; overflow-wrap: anywhere; }
div { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem 1rem .25rem 0; border-bottom: 1px solid #e1e5ea; text-align: left; white-space: nowrap; }
td.number, th.number { text-align: right; }
td.reason { white-space: normal; overflow-wrap: anywhere; }
tr.best { font-weight: 600; }
p.note { color: #6b7480; font-size: .85rem; }"""


def render_page(title: str, mark: str, table: RunTable, figures: Mapping[str, bytes]) -> str:
    """Return the page.

    Args:
        title: Its title.
        mark: What tells that it was made by this program.
        table: The runs.
        figures: SVG files by kind of figure.
    """
    settings = table.ranking()
    parts = [*_summary(table, settings)]
    parts += ["<main>", *map(_image, figures, figures.values()), "</main>"]
    parts += [*_settings(table, settings), *_failed(table)]
    return _PAGE.format(mark=mark, title=escape(title), style=_STYLE, body="\n".join(parts))


def _image(kind: str, svg: bytes) -> str:
    source = base64.b64encode(svg).decode()
    return f'<img alt="{kind.replace("_", " ")}" src="data:image/svg+xml;base64,{source}">'


def _summary(table: RunTable, settings: Sequence[Setting]) -> Iterator[str]:
    """Yield how many runs there are, the best setting, and how to repeat it."""
    states = ", ".join(f"{number} {state}" for state, number in Counter(row.state for row in table).items())
    yield f"<p>{counted(len(table), 'run')}: {escape(states)}.</p>"
    if settings and (objective := settings[0].objective) is not None:
        name = setting_name(settings[0].values)
        seeds = f", mean over {counted(objective.n, 'seed')}" if objective.n > 1 else ""
        best = f"<strong>{escape(name)}</strong>" if name else ""
        yield f"<p>Best: {best} {escape(table.objective)} {summary_text(table.objective, objective)}{seeds}.</p>"
        yield f"<code>{escape(settings[0].results[0].command)}</code>"


def _settings(table: RunTable, settings: Sequence[Setting]) -> Iterator[str]:
    """Yield the table of settings."""
    keys, tested = list(settings[0].values), table.tested
    is_other = tested != table.objective
    figures = [table.objective, "95 % interval", *([tested] if is_other else []), "n"]
    yield "<h2>Settings</h2>"
    yield '<div><table><tr><th class="number">#</th>'
    yield _cells("th", keys) + _cells("th", figures, "number") + "</tr>"
    for place, setting in enumerate(settings[:_MOST_SETTINGS], 1):
        objective = setting.objective
        interval = objective.interval if objective else None
        numbers = [
            summary_text(table.objective, objective),
            "" if interval is None else f"± {format_metric(table.objective, interval)}",
            *([summary_text(tested, setting.test)] if is_other else []),
            str(objective.n if objective else 0),
        ]
        yield f'<tr{" class=best" if place == 1 else ""}><td class="number">{place}</td>'
        yield _cells("td", map(shown_value, setting.values.values())) + _cells("td", numbers, "number") + "</tr>"
    yield "</table></div>"
    if (more := len(settings) - _MOST_SETTINGS) > 0:
        yield f'<p class="note">and {counted(more, "setting")} more</p>'


def _failed(table: RunTable) -> Iterator[str]:
    """Yield the table of runs that failed, with the reasons."""
    failed = [row for row in table if row.state in (State.FAILED, UNREADABLE)]
    if not failed:
        return
    yield "<h2>Failed</h2>"
    yield "<div><table><tr>" + _cells("th", ["run", "reason"]) + "</tr>"
    for row in failed[:_MOST_FAILED]:
        yield "<tr>" + _cells("td", [row.address]) + _cells("td", [row.reason], "reason") + "</tr>"
    yield "</table></div>"
    if (more := len(failed) - _MOST_FAILED) > 0:
        yield f'<p class="note">and {counted(more, "run")} more</p>'


def _cells(tag: str, texts: Iterable[str], style: str = "") -> str:
    start = f'<{tag} class="{style}">' if style else f"<{tag}>"
    return "".join(f"{start}{escape(text)}</{tag}>" for text in texts)
