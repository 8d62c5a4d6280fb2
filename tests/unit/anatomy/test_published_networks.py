"""All classification networks of torchvision, and timm's where it is installed: `uv run --group timm pytest --slow`."""

import pytest

from published_networks import measure, names_of

PARTS = 10  # none takes as long as a test that hangs


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("family", ["torchvision", "timm"])
def test_the_tables_of_published_networks(family: str, part: int) -> None:
    pytest.importorskip(family)
    reports = [measure(family, name) for name in names_of(family)[part::PARTS]]
    assert [str(report) for report in reports if report.is_wrong or report.extra_mib > 1536] == []
