"""Markdown and LaTeX, as they are put into a report."""

import shutil
import subprocess
from pathlib import Path

import pytest

from convboard.results.export.report_tables import as_latex, as_markdown

COLUMNS = {
    "lr": ["0.1", "1e-05"],
    "n": ["3", "2"],
    "accuracy/val": ["97.50% ± 0.25%", ""],
    "loss/val": ["0.1000 ± 0.0100", "2.3000"],
}
ODD = {
    "a|b": ["*bold* <b>x</b>", "[3,3]"],
    "weight_decay": [r"\end{tabular} $x$ 50% #3 & ~^", "_target_ x_y"],
    '"é"': ["* [link](javascript:x)", "…"],
}


def test_markdown() -> None:
    assert as_markdown(COLUMNS).splitlines() == [
        "|    lr |   n | accuracy/val (%) |        loss/val |",
        "| ----: | --: | ---------------: | --------------: |",
        "|   0.1 |   3 |     97.50 ± 0.25 | 0.1000 ± 0.0100 |",
        "| 1e-05 |   2 |                  |          2.3000 |",
    ]


def test_markdown_has_texts_as_they_are() -> None:
    lines = as_markdown(ODD).splitlines()
    assert lines[0].startswith(r"| a\|b ")
    assert r"\*bold\* \<b\>x\</b\>" in lines[2]
    assert r"\[link\](javascript:x)" in lines[2]
    assert "weight_decay" in lines[0]
    assert r"\_target\_ x_y" in lines[3]


def test_latex() -> None:
    assert as_latex(COLUMNS).splitlines()[1:] == [
        r"\begin{tabular}{rrrr}",
        r"\toprule",
        r"lr & n & accuracy/val (\%) & loss/val \\",
        r"\midrule",
        r"0.1 & 3 & 97.50 $\pm$ 0.25 & 0.1000 $\pm$ 0.0100 \\",
        r"1e-05 & 2 &  & 2.3000 \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_latex_has_texts_as_they_are() -> None:
    _, _, _, head, _, first, second, *_ = as_latex(ODD).splitlines()
    assert head == r"a\textbar{}b & weight\_decay & \textquotedbl{}é\textquotedbl{} \\"
    assert r"\textbackslash{}end\{tabular\} \$x\$ 50\% \#3 \& \textasciitilde{}\textasciicircum{}" in first
    assert second.startswith("{[}3,3]")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="LaTeX is not installed")
def test_latex_is_typeset(tmp_path: Path) -> None:
    preamble = r"\documentclass{article}\usepackage[T1]{fontenc}\usepackage{booktabs}\begin{document}"
    (tmp_path / "a.tex").write_text("\n".join([preamble, as_latex(COLUMNS), as_latex(ODD), r"\end{document}"]))
    command = ["pdflatex", "-interaction=batchmode", "-halt-on-error", "a.tex"]
    assert subprocess.run(command, cwd=tmp_path, check=False, stdout=subprocess.DEVNULL).returncode == 0
    assert (tmp_path / "a.pdf").is_file()
