"""The user's line in an exception, and trials of that line written in another way."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import convboard
from convboard.anatomy.diagnostics.source_edits import rewritten
from convboard.anatomy.diagnostics.user_code import (
    failure_of,
    is_of_user,
    repeated_call,
    sentence,
    without_library_frames,
)

torch_: Any = torch  # its calls below are type errors


def halve(x: Any, parts: int = 2) -> Any:
    # Columns are bytes, so that a character of two bytes before the expression matters.
    return "ü" and torch_.chunk(x, parts, dimm=1)[0].view(
        x.shape(0),
    )


def failure(call: Any) -> Any:
    with pytest.raises(Exception) as raised:
        call()
    found = failure_of(raised.value)
    assert found is not None
    return found


def test_the_place_and_the_expression() -> None:
    found = failure(lambda: halve(torch.zeros(2, 4)))
    assert re.fullmatch(r"tests/unit/anatomy/diagnostics/test_user_code\.py, line \d+, in halve", found.where)
    assert found.text.startswith('return "ü" and torch_.chunk(x, parts, dimm=1)')
    assert found.written(found.node) == "torch_.chunk(x, parts, dimm=1)"
    assert found.value(found.node.func) is torch.chunk


def test_a_function_that_is_run_in_another_way() -> None:
    found = failure(lambda: halve(torch.zeros(2, 4)))
    keyword = found.node.keywords[0]
    before = halve.__code__
    with rewritten(found, {keyword: "dim=1"}) as is_possible:
        assert is_possible
        later = failure(lambda: halve(torch.zeros(2, 4)))
        assert later.written(later.node) == "x.shape(0)"
        assert later.line == found.line + 1
        with rewritten(found, {keyword: "dim=1", later.node: "x.shape[0]"}) as is_possible:
            assert not is_possible  # it has other code now
    assert halve.__code__ is before
    with rewritten(found, {keyword: "dim="}) as is_possible:
        assert not is_possible


def test_a_name_that_the_module_has_only_for_the_trial() -> None:
    def uses_a_name() -> int:
        return not_imported.sqrt(4)  # type: ignore[name-defined, no-any-return]  # noqa: F821

    found = failure(uses_a_name)
    with rewritten(found, {}, not_imported=torch.Tensor):
        assert "no attribute" not in str(found.error)
        with pytest.raises(TypeError):
            uses_a_name()
    with pytest.raises(NameError):
        uses_a_name()


def test_a_closure_and_code_without_source() -> None:
    size = [3]

    def closure(x: Tensor) -> Tensor:
        return x.view(size)

    found = failure(lambda: closure(torch.zeros(2)))
    with rewritten(found, {found.node: "x.view(2)"}) as is_possible:
        assert not is_possible  # size is not used any more: another closure
    names: dict[str, Any] = {}
    exec("def typed(x):\n    return x.view(3)", names)
    unknown = failure(lambda: names["typed"](torch.zeros(2)))
    assert (unknown.where, unknown.text, unknown.source, unknown.nodes) == ("<string>, line 2, in typed", "", "", [])


def test_the_user_s_line_is_the_last_that_is_not_of_a_library() -> None:
    class Inner(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.max_pool2d(x, 9)

    found = failure(lambda: nn.Sequential(nn.Identity(), Inner())(torch.zeros(1, 1, 2, 2)))
    assert found.text == "return nn.functional.max_pool2d(x, 9)"
    assert next(step.name for step in _frames(without_library_frames(found.error))) == "failure"


def _frames(error: BaseException) -> Any:
    from traceback import extract_tb

    return extract_tb(error.__traceback__)


def test_no_line_of_the_user() -> None:
    assert failure_of(None) is None
    assert failure_of(ValueError("never raised")) is None


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (KeyError("b"), "KeyError: 'b'."),
        (KeyError(), "KeyError."),
        (ValueError("Expected 224 but got 32!"), "ValueError: Expected 224 but got 32!"),
        (RuntimeError("It fails. Hint: enable anomaly detection"), "RuntimeError: It fails."),
        (TypeError("mean() got (Tensor), but expected one of:\n * (Tensor input)"), "TypeError: mean() got (Tensor)."),
        (RuntimeError(f"First of all.\n{'x' * 100}. {'Y' * 200}."), f"RuntimeError: First of all. {'x' * 100}. ..."),
        (RuntimeError("x " * 400), f"RuntimeError: {'x ' * 249}x ..."),
    ],
)
def test_an_exception_in_a_sentence(error: Exception, text: str) -> None:
    assert sentence(error) in (text, text.removesuffix(" ..."))


def test_a_function_that_calls_itself() -> None:
    def down(n: int) -> int:
        return down(n - 1)

    with pytest.raises(RecursionError) as raised:
        down(10)
    found = repeated_call(raised.value)
    assert found is not None
    assert found.text == "return down(n - 1)"
    with pytest.raises(ValueError, match="no such") as other:
        [].index(1) if False else _raise()
    assert repeated_call(other.value) is None


def _raise() -> None:
    raise ValueError("no such")


@pytest.mark.parametrize(
    ("file", "is_it"),
    [
        (__file__, True),
        ("<ipython-input-1>", True),
        (str(Path(convboard.__file__).parent / "models" / "lenet.py"), False),
        (f"{Path(convboard.__file__).parent}_x/net.py", True),
        (torch.__file__, False),
        ("/venv/lib/python3/site-packages/timm/models/vit.py", False),
        (ast.__file__, False),
    ],
)
def test_whose_file_it_is(file: str, is_it: bool) -> None:
    assert is_of_user(file) is is_it
