"""Commands and overrides as text, so that the advice in a message can be typed unchanged."""

import json
import os
import re
import shlex
import sys
from pathlib import Path

# ASCII's and Latin-1's control characters but tab and line end, and those that change the direction of a line.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

# A folder of options, as `cli.train` puts it among the overrides of a sweep.
_SEARCHED = re.compile(r"hydra\.searchpath=\['file://(/[^'\\]*)'\]")
_WORD = re.compile(r"(?!(?i:null|true|false|nan|inf)$)[A-Za-z_][A-Za-z0-9_]*")  # that Hydra reads as a text


def command(name: str, *arguments: str) -> str:
    """Return a command of convboard in the form in which this one was started.

    The form is `python train.py`, `uv run train.py`, `python ../convboard/train.py` or `convboard train`.

    Args:
        name: `train`, `evaluate`, `layers` or `feature-maps`.
        arguments: The arguments after it, already quoted; see `assignment`.
    """
    started = Path(sys.argv[0])
    if started.name == "convboard":
        words = [*_uv(), "convboard", name]
    elif started.name == "__main__.py":
        words = [*_uv(), "python", "-m", "convboard", name]
    else:
        words = [*(_uv() or ["python"]), script(name)]
    return " ".join([*words, *arguments])


def script(name: str) -> str:
    """Return the path of the script of a command, quoted for the shell, as seen from the current folder.

    Args:
        name: See `command`.
    """
    started = Path(sys.argv[0])
    checkout = started.parent
    if checkout.absolute().name == "scripts":
        checkout /= ".."
    elif started.name != "train.py":  # a program of the user's, or a notebook
        checkout = Path()
    path = checkout / ("train.py" if name == "train" else f"scripts/{name.replace('-', '_')}.py")
    return shlex.quote(os.path.normpath(path))


def tensorboard(logdir: str | Path) -> str:
    """Return the command that shows the runs in a folder."""
    return installed_program("tensorboard", "--logdir", shlex.quote(str(logdir)))


def installed_program(*words: str) -> str:
    """Return a command of a program that is installed in the same environment, given in words quoted for the shell."""
    return " ".join([*_uv(), *words])


def pip_install(requirement: str) -> str:
    """Return the command that installs a package, such as `pip install 'wandb>=0.31,<0.32'`."""
    return f"{'uv ' if _uv() else ''}pip install {shlex.quote(requirement)}"


def assignment(key: str, value: str | Path) -> str:
    """Return `key=value`, quoted for the shell and for Hydra if the shell would change it otherwise."""
    text = str(value)
    if shlex.quote(text) == text:
        return f"{key}={text}"
    quoted = format_value(text, quoted=True) if '"' in text or "\\" in text else f'"{text}"'
    return shlex.quote(f"{key}={quoted}")


def argument_of(override: str) -> str:
    """Return an override as it is given on a command line: a folder of options is given by `--config-dir`."""
    searched = _SEARCHED.fullmatch(override)
    return f"--config-dir={searched[1]}" if searched else override


def format_value(value: object, quoted: bool = False) -> str:
    """Return a value as it is typed in an override: `null`, `true`, `0.1`, `[3,3]`, `{padding:1}`.

    Args:
        value: A text, a path, a number, a bool, None, or lists and dictionaries of these.
        quoted: Put each text but a single word into quotes, as the grammar of Hydra needs it. Without quotes the
            result is for people.
    """
    match value:
        case str() | Path():
            text = str(value)
            if not quoted or _WORD.fullmatch(text):
                return text
            # Hydra's rule: backslashes are doubled before a quote and at the end, and nowhere else.
            return "'" + re.sub(r"(\\*)('|\Z)", lambda found: found[1] * 2 + ("\\'" if found[2] else ""), text) + "'"
        case None | bool():
            return json.dumps(value)
        case list() | tuple():
            return f"[{','.join(format_value(item, quoted) for item in value)}]"
        case dict():
            return "{" + ",".join(f"{key}:{format_value(item, quoted)}" for key, item in value.items()) + "}"
    return str(value)


def printable(text: str) -> str:
    r"""Return a text for a terminal: of its control characters, only line ends and tabs are left as they are.

    The names of files, classes and layers may hold codes that clear the screen, or write a line anew. They are shown
    as they are written in Python: `\x1b[2J`.
    """
    return _CONTROL.sub(lambda code: code[0].encode("unicode_escape").decode(), text)


def _uv() -> list[str]:
    """Return `uv run` if uv started this command: without it, the environment is not on the user's PATH."""
    return ["uv", "run"] if os.environ.get("UV") else []
