"""The pages of the documentation, and what they show: blocks of code, commands, tables, links."""

import re
import shlex
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from commands import ROOT
from convboard.cli.main import COMMANDS

PAGES = ("README.md", "CONTRIBUTING.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))))
_INSTALLED = {name: "train.py" if name == "train" else f"scripts/{name.replace('-', '_')}.py" for name in COMMANDS}
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A block of code.

    Attributes:
        language: What stands behind its fence.
        text: Its lines.
        before: The text between the block before it, or the page's beginning, and this one.
    """

    language: str
    text: str
    before: str

    @property
    def file(self) -> str:
        """The file that the block is, by the last name of one before it."""
        return str(re.findall(r"`([\w/]+\.(?:py|yaml))`", self.before)[-1])


@dataclass(frozen=True)
class ShownCommand:
    """A command that a page shows. `convboard train`, `uv run train.py` and `python train.py` are the same one."""

    page: str
    program: str
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join((self.program, *self.arguments))


@cache
def text_of(page: str) -> str:
    return (ROOT / page).read_text()


@cache
def blocks(page: str) -> list[Block]:
    """The blocks of a page."""
    found = list(_FENCE.finditer(text_of(page)))
    ends = [0, *(match.end() for match in found)]
    return [Block(match[1], match[2], text_of(page)[end : match.start()]) for match, end in zip(found, ends)]


def scripts(page: str) -> list[str]:
    """The shell scripts of a page."""
    return [block.text for block in blocks(page) if block.language == "bash" and block.text.startswith("#!")]


def prose(page: str) -> str:
    """A page without its blocks."""
    return _FENCE.sub("", text_of(page))


def code_spans(page: str) -> list[str]:
    """What stands between backticks in the prose of a page."""
    return re.findall(r"`([^`]+)`", prose(page))


@cache
def commands(page: str) -> list[ShownCommand]:
    """The commands in the blocks and in the prose of a page."""
    shell = [block.text for block in blocks(page) if block.language == "bash" and not block.text.startswith("#!")]
    lines = [re.sub(r"\s+#.*", "", line) for text in shell for line in _lines(text) if line.strip()]
    spans = [part for span in code_spans(page) for part in re.split(r"; |diff|[<()]+", span)]
    known = ("python ", "uv run ", "convboard ", "torchrun ", "scripts/")
    quoted = [part for span in spans if (part := span.strip()).startswith(known) and " " in part]
    return [_command(page, line) for line in dict.fromkeys((*lines, *quoted))]


def _lines(text: str) -> list[str]:
    """The lines of a block; those that a backslash continues are one."""
    return re.sub(r"\\\n *", " ", text).splitlines()


def _command(page: str, line: str) -> ShownCommand:
    if inner := re.match(r'eval "\$\((.*)\)"$', line):
        line = inner[1]
    program, *arguments = shlex.split(re.sub(r"^(pip install uv && )?([A-Z_]+=\S+ )?(uv run |python )?", "", line))
    if program == "convboard":
        program = _INSTALLED.get(arguments[0], program)
        arguments = arguments[program != "convboard" :]
    return ShownCommand(page, program, tuple(arguments))


def all_commands(program: str) -> list[ShownCommand]:
    """The commands of all pages that call a program, each once."""
    found = {command.arguments: command for page in PAGES for command in commands(page) if command.program == program}
    return list(found.values())


def rows(page: str, heading: str) -> list[list[str]]:
    """The cells of the tables under a heading."""
    section = text_of(page).split(f"# {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    heads = {line for line, below in pairwise(lines) if set(below) <= set("|-: ")}
    shown = [line for line in lines if line not in heads and not set(line) <= set("|-: ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in shown]


def anchors(page: str) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
