"""The line about what is done before trials start."""

import io

from rich.console import Console

from convboard.sweeps.terminal.status_line import StatusLine


class Clock:
    """A time that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def shown(is_terminal: bool) -> str:
    """What is printed about an hour's work, of which a step takes a minute."""
    out, clock = io.StringIO(), Clock()
    console = Console(file=out, force_terminal=is_terminal, force_interactive=is_terminal, width=80)
    with StatusLine(console, clock) as line:
        line.show("composing", 1, 1000)  # after no time
        for done in range(1, 60):
            clock.now = 60.0 * done
            line.show("composing", done, 1000)
        line.print("Downloading")
    return out.getvalue()


def test_a_terminal_has_one_line_that_changes() -> None:
    text = shown(is_terminal=True)
    assert "composing:  1 of 1,000" in text
    assert "composing:  59 of 1,000" in text
    assert text.endswith("\x1b[2K")  # the line is gone
    assert "Downloading\n" in text


def test_other_outputs_get_one_line_if_it_takes_long() -> None:
    assert shown(is_terminal=False) == "composing:  1 of 1,000 so far\nDownloading\n"
