"""Messages for callers of the Python API: its arguments instead of keys, its calls instead of commands."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from convboard.errors import ConvboardError
from convboard.experiment.resume import resume_call
from convboard.experiment.run_dir import load_run_config, python_text

# In messages: `resume=run`, or `'resume="my run"'`, and the classes that are named behind it.
_RESUME = re.compile(
    r"(?<![\w.])(?:'resume=\"([^\"]+)\"'|resume=(\S+?))((?: \w+\._target_=[\w.]+\w)*)(?=[,.;)]?(\s|$))"
)


def call_that_resumes(path: Path) -> str:
    """Return the Python call that resumes a run, with all arguments that it needs."""
    try:
        return resume_call(path, load_run_config(path))
    except ConvboardError:
        return f"convboard.resume({python_text(path)})"


@contextmanager
def errors_of_python(names: dict[str, str]) -> Iterator[None]:
    """Put the arguments of a Python call in the place of config keys and of command-line advice in messages.

    Args:
        names: The argument by the key.

    Raises:
        ConvboardError: One that was raised within.
    """
    names = {**names, "hydra.run.dir": "run_dir"}
    pattern = re.compile("|".join(rf"(?<![\w.]){re.escape(key)}(?![\w.]*\w)" for key in sorted(names, key=len)[::-1]))
    try:
        yield
    except ConvboardError as error:
        text = pattern.sub(lambda key: names[key[0]], str(error))
        text = re.sub(r"\(in a config:\s+model\._target_=([\w.]+)\)", r'(convboard.train("\1", ...))', text)
        text = re.sub(r"\(in a config:\s+", "(", text)
        text = _RESUME.sub(lambda found: call_that_resumes(Path(found[1] or found[2])), text)
        text = re.sub(r"into quotes of both kinds: '(.*)=\"\.\.\.\"'\.$", r"""into quotes: "\1='...'".""", text)
        if text == str(error):
            raise
        raise error.with_message(text) from error
