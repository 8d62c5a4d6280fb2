"""The stratified order."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from convboard.data.stratified_split import stratified_order


@settings(max_examples=100)
@given(labels=st.lists(st.integers(0, 5), min_size=1, max_size=200), data=st.data())
def test_any_tail_has_each_class_in_proportion(labels: list[int], data: st.DataObject) -> None:
    classes = torch.tensor(labels)
    order = stratified_order(classes)
    assert order.sort().values.equal(torch.arange(len(labels)))
    size = data.draw(st.integers(0, len(labels)))
    counts = torch.bincount(classes, minlength=6)
    tail = torch.bincount(classes[order[len(labels) - size :]], minlength=6)
    off = (tail - counts * size / len(labels)).abs()
    assert (off <= (1 + int((counts > 0).sum()) * counts / len(labels)) / 2 + 1e-5).all()


def test_order_is_fixed_and_random_within_a_class() -> None:
    order = stratified_order(torch.zeros(1000, dtype=torch.int64))
    assert order.equal(stratified_order(torch.zeros(1000, dtype=torch.int64)))
    ranks = torch.stack([order.double(), torch.arange(1000).double()])
    assert abs(float(torch.corrcoef(ranks)[0, 1])) < 0.1


def test_balanced_classes_take_turns() -> None:
    labels = torch.arange(10).repeat_interleave(7)
    assert labels[stratified_order(labels)].equal(torch.arange(10).repeat(7))
