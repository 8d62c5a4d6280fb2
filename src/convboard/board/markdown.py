"""Markdown for the Text tab."""

import json
import re
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
    """Nested mappings are indented; other values are JSON, which is valid YAML, and plain words have no quotes."""
    lines = []
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            lines += [f"{indent}{_yaml_value(key)}:", *_yaml_lines(value, indent + "  ")]
        else:
            lines.append(f"{indent}{_yaml_value(key)}: {_yaml_value(value)}")
    return lines


def _yaml_value(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(r"[^\W\d][\w./]*", value) and value.lower() not in _NOT_WORDS:
        return value
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text.replace("e", ".0e") if isinstance(value, float) and "." not in text else text  # 1e-05 is a word in YAML


_NOT_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "nan", "inf"}  # YAML would read them as values


def _cell(text: str) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")
