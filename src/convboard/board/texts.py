"""The texts of the Text tab, as Markdown."""

import json
from collections.abc import Mapping
from typing import Any


def config_text(config: Mapping[str, Any]) -> str:
    """The config as a block of YAML."""
    return "\n".join(["```yaml", *_yaml_lines(config, ""), "```"])


def table(rows: Mapping[str, str], head: tuple[str, str]) -> str:
    """Two columns, names and values."""
    lines = [f"| {head[0]} | {head[1]} |", "| --- | --- |"]
    lines += [f"| {_cell(name)} | {_cell(value)} |" for name, value in rows.items()]
    return "\n".join(lines)


def _yaml_lines(config: Mapping[str, Any], indent: str) -> list[str]:
    """Nested mappings indented, everything else as JSON, which is YAML too; plain words without quotes."""
    lines = []
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            lines += [f"{indent}{key}:", *_yaml_lines(value, indent + "  ")]
        else:
            lines.append(f"{indent}{key}: {_yaml_value(value)}")
    return lines


def _yaml_value(value: object) -> str:
    is_plain = isinstance(value, str) and value.replace("_", "").replace(".", "").replace("/", "").isalnum()
    is_word = is_plain and str(value)[0].isalpha() and str(value).lower() not in _NOT_WORDS
    return str(value) if is_word else json.dumps(value, default=str, ensure_ascii=False)


_NOT_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "nan", "inf"}  # YAML would read them as values


def _cell(text: str) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")
