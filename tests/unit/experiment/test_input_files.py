from pathlib import Path

import pytest

from convboard.experiment.input_files import InputFiles


def test_a_file_that_is_deleted_in_mid_run_is_written_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = InputFiles(tmp_path, {"plan.json": "{}", "config.yaml": "seed: 0"}, "result.json")
    files.write()
    (tmp_path / "config.yaml").unlink()
    (tmp_path / "plan.json").write_text("changed by somebody, who may know why")
    assert files.state_dict() == {}
    assert (tmp_path / "config.yaml").read_text() == "seed: 0"
    assert (tmp_path / "plan.json").read_text().startswith("changed")
    assert caplog.messages == [f"{tmp_path}/config.yaml was deleted while the run was training. It is written again."]
