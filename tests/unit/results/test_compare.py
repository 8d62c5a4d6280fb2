"""Two settings compared."""

from collections.abc import Sequence
from typing import Any

import pytest
from scipy import stats

from convboard.errors import ConfigError, RunError
from convboard.results.compare import compare_runs
from convboard.results.run_row import RunRow
from convboard.sweeps.store.entries import State
from run_rows import run_row

A = [0.970, 0.965, 0.972, 0.968, 0.971]
B = [0.9732, 0.9675, 0.9760, 0.9705, 0.9743]  # 0.31 points better on average


def seeds(lr: float, values: Sequence[float | None], first: int = 1) -> list[RunRow]:
    return [
        run_row(number, value, State.FAILED if value is None else State.FINISHED, lr=lr, seed=number)
        for number, value in enumerate(values, first)
    ]


def test_pairs_of_seeds() -> None:
    found = compare_runs(seeds(0.1, A), seeds(0.01, B))
    test = stats.ttest_rel(B, A)
    assert found.difference is not None
    assert found.difference.p == pytest.approx(test.pvalue)
    assert found.words == "B is better by 0.31 ± 0.08 points over 5 seeds."
    assert (found.metric, found.paired_by, found.is_significant) == ("accuracy/val", ("seed",), True)
    assert (found.first.n, found.second.n) == (5, 5)
    assert compare_runs(seeds(0.01, B), seeds(0.1, A)).words == "A is better by 0.31 ± 0.08 points over 5 seeds."


def test_seeds_that_only_one_of_them_has_do_not_count() -> None:
    found = compare_runs(seeds(0.1, [*A, 0.1, None]), [*reversed(seeds(0.01, [*B, None, 0.99]))])
    assert found.words == "B is better by 0.31 ± 0.08 points over 5 seeds."
    assert found.first.mean == pytest.approx(sum(A) / 5)


def test_other_seeds_are_compared_by_their_means() -> None:
    found = compare_runs(seeds(0.1, A), seeds(0.01, B[:4], first=10))
    test = stats.ttest_ind(B[:4], A, equal_var=False)
    assert found.difference is not None
    assert found.difference.p == pytest.approx(test.pvalue)
    assert found.paired_by == ()
    assert found.words == "B is better by 0.26 ± 0.55 points, with 5 and 4 runs, which may be chance (p = 0.29)."


def test_what_may_be_chance_and_how_many_seeds_would_tell() -> None:
    found = compare_runs(seeds(0.1, [0.90, 0.93, 0.91]), seeds(0.01, [0.91, 0.92, 0.93]))
    assert found.needed is not None
    assert found.needed > 3
    assert found.words == (
        "B is better by 0.67 ± 3.79 points over 3 seeds, which may be chance (p = 0.53). If it stays as it is, "
        f"{found.needed} seeds are enough to tell."
    )


def test_single_runs_tell_nothing() -> None:
    one = compare_runs(seeds(0.1, [0.9]), seeds(0.01, [0.95]))
    assert one.words == (
        "B is better by 5.00 points. A single run does not tell whether that is more than chance: it takes several "
        "seeds."
    )
    assert not one.is_significant
    assert compare_runs(seeds(0.1, [0.9]), seeds(0.01, [0.9])).words == "A and B are equally good."


def test_equal_differences_of_two_seeds_are_not_certain() -> None:
    found = compare_runs(seeds(0.1, [0.9, 0.8]), seeds(0.01, [0.91, 0.81]))
    assert not found.is_significant
    assert found.needed == 6


def test_a_smaller_loss_is_better() -> None:
    first, second = seeds(0.1, A), seeds(0.01, B)
    for row, loss in zip((*first, *second), (0.2, 0.21, 0.22, 0.2, 0.2, 0.1, 0.12, 0.12, 0.12, 0.09)):
        row.metrics["loss/test"] = loss  # type: ignore[index]
    assert compare_runs(first, second, metric="loss/test").words == "B is better by 0.0960 ± 0.0142 over 5 seeds."


def test_two_models_in_pairs_of_equal_settings() -> None:
    rows = [
        run_row(number, 0.9 + 0.01 * (model == "b") + 0.001 * number, model=model, lr=lr, seed=seed)
        for number, (model, lr, seed) in enumerate((m, lr, seed) for m in "ab" for lr in (0.1, 0.01) for seed in (1, 2))
    ]
    found = compare_runs(rows[:4], rows[4:])
    assert found.paired_by == ("lr", "seed")
    assert found.words.startswith("B is better by 1.40 ± 0.00 points over 4 pairs of runs with the same lr, seed")


def test_repetitions_of_a_seed_count_once() -> None:
    found = compare_runs(seeds(0.1, A) + seeds(0.1, A), seeds(0.01, B))
    assert found.words == "B is better by 0.31 ± 0.08 points over 5 seeds."


def test_pruned_runs_count_only_if_none_has_finished() -> None:
    pruned = [run_row(9, 0.99, State.PRUNED, lr=0.01, seed=9)]
    assert compare_runs(seeds(0.1, A), [*seeds(0.01, B), *pruned]).second.n == 5
    assert compare_runs(seeds(0.1, A), pruned).second.mean == 0.99


def test_without_a_result_nothing_is_compared() -> None:
    with pytest.raises(RunError, match=r"^B has no accuracy/val to compare: 2 failed\.$"):
        compare_runs(seeds(0.1, A), seeds(0.01, [None, None]))
    with pytest.raises(RunError, match=r"^A has no accuracy/val to compare: no runs\."):
        compare_runs([], seeds(0.1, A))
    running = [run_row(0, None, State.RUNNING, lr=0.01, seed=1)]
    with pytest.raises(RunError, match=r"1 running\. Wait until a run of it has finished\.$"):
        compare_runs(seeds(0.1, A), running)


def test_paths_are_not_compared() -> None:
    with pytest.raises(RunError, match="takes runs, as load_runs returns them, not a path such as outputs"):
        compare_runs(seeds(0.1, A), "outputs")  # type: ignore[arg-type]


def on(dataset: str, lr: float, values: Sequence[float], **facts: Any) -> list[RunRow]:
    return [run_row(number, value, dataset=dataset, lr=lr, seed=number, **facts) for number, value in enumerate(values)]


def test_several_data_sets_are_compared_in_pairs() -> None:
    first = on("mnist", 0.1, [0.98, 0.97]) + on("digits", 0.1, [0.8, 0.9])
    second = on("mnist", 0.01, [0.99, 0.975]) + on("digits", 0.01, [0.86, 0.91])
    found = compare_runs(first, second)
    assert found.paired_by == ("dataset", "seed")
    assert found.difference is not None
    test = stats.ttest_rel([0.99, 0.975, 0.86, 0.91], [0.98, 0.97, 0.8, 0.9])
    assert found.difference.p == pytest.approx(test.pvalue)


def test_runs_on_a_data_set_that_only_one_of_them_has_do_not_count() -> None:
    digits = on("digits", 0.1, [0.8, 0.9])
    found = compare_runs(digits + on("mnist", 0.1, [0.99, 0.99]), on("digits", 0.01, [0.85, 0.96], batch_size=2))
    assert (found.first.mean, found.second.mean) == pytest.approx((0.85, 0.905))
    with pytest.raises(RunError, match="A has results on digits and B on mnist: those on different data sets"):
        compare_runs(digits, on("mnist", 0.1, [0.9]))
    cats, dogs = (on("image_folder", 0.1, [0.8], dataset__path=f"/{name}") for name in ("cats", "dogs"))
    with pytest.raises(RunError, match="A has results on image_folder /cats and B on image_folder /dogs"):
        compare_runs(cats, dogs)


def test_means_over_several_data_sets_are_not_compared() -> None:
    """Without pairs, their difference would be a matter of the mixture."""
    first = on("mnist", 0.1, [0.98, 0.97]) + on("digits", 0.1, [0.8])
    second = [run_row(9, 0.99, dataset="mnist", lr=1, seed=9), run_row(8, 0.9, dataset="digits", lr=1, seed=8)]
    with pytest.raises(RunError, match=r"several data sets.*\n  where=dataset=mnist\n  where=dataset=digits"):
        compare_runs(first, second)


def test_the_metric_of_several_objectives_is_chosen() -> None:
    first, second = seeds(0.1, A), [run_row(9, 0.2, objective="loss/val", seed=1)]
    with pytest.raises(ConfigError, match="several objectives: choose a metric, accuracy/val or loss/val"):
        compare_runs(first, second)
    with pytest.raises(ConfigError, match=r"metric=loss is no metric of these runs\. Allowed: accuracy/test"):
        compare_runs(first, second, metric="loss")
