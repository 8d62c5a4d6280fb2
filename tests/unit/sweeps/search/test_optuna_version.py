from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest

from convboard.errors import ConfigError
from convboard.sweeps.composed_trials import new_trials
from convboard.sweeps.new_sweep import create_sweep
from convboard.sweeps.search.optuna_version import other_optuna, require_optuna
from convboard.sweeps.sweep_options import SweepOptions


@pytest.mark.parametrize("version", ["4.9.0", None])
def test_where_optuna_is_missing_its_extra_is_named(version: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    def installed(_: str) -> str:
        if version is None:
            raise metadata.PackageNotFoundError
        return version

    monkeypatch.setattr(metadata, "version", installed)
    found = "Optuna is not installed" if version is None else "Optuna 4.9.0 is installed"
    with pytest.raises(ConfigError) as raised:
        require_optuna("tpe")
    assert str(raised.value) == (
        f"sweep=tpe needs Optuna 5 or later, and {found}. Install convboard with the extra optuna: pip install "
        "'.[optuna]' in a checkout. Or use sweep=random, which needs nothing."
    )
    require_optuna("random")


@pytest.mark.parametrize("search", ["tpe", "random", "grid"])
def test_a_search_that_goes_on_with_another_version_is_told(search: str, tmp_path: Path) -> None:
    record = create_sweep(tmp_path, [], new_trials(["seed=1,2"]), SweepOptions(search=search)).record
    assert record.environment.get("optuna") == (metadata.version("optuna") if search == "tpe" else None)
    assert other_optuna(record) == ""
    record = replace(record, environment={**record.environment, **({"optuna": "5.0.1"} if search == "tpe" else {})})
    told = f"Optuna was 5.0.1 when the search began, and is {metadata.version('optuna')} now: it may choose other "
    assert other_optuna(record) == (f"{told}settings from now on" if search == "tpe" else "")
    without = replace(record, environment={})  # of an earlier version of convboard
    assert other_optuna(without) == ""
