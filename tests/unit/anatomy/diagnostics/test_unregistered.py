"""The collection in which a network's layers have to be kept, with its items."""

from torch import nn

from convboard.anatomy.diagnostics.unregistered import holders


class Kept(nn.Module):
    """Layers and weights where torch does not look for them."""

    def __init__(self) -> None:
        super().__init__()
        a, b = nn.Flatten(), nn.Linear(4, 2)
        self.listed = [a, nn.Linear(4, 2)]
        self.tupled = a, b
        self.named = {"fc": nn.Linear(4, 2)}
        self.made = [nn.Linear(4, 2) for _ in range(2)]
        self.later = []
        self.later.append(nn.Linear(4, 2))
        self.nested = [[nn.Linear(4, 2)]]
        self.mixed = [nn.Linear(4, 2), len]
        self.weights = [nn.Parameter(b.weight.clone())]


def test_the_items_of_a_collection_are_those_that_the_code_assigns() -> None:
    remedies = {holder.path: holder.remedy.partition(" = ")[2] for holder in holders(Kept()).values()}
    assert remedies == {
        "listed": "nn.ModuleList([a, nn.Linear(4, 2)])",
        "tupled": "nn.ModuleList([a, b])",
        "named": "nn.ModuleDict({'fc': nn.Linear(4, 2)})",
        "made": "nn.ModuleList([nn.Linear(4, 2) for _ in range(2)])",
        "later": "nn.ModuleList()",
        "nested": "nn.ModuleList([...])",
        "mixed": "nn.ModuleList([...])",
        "weights": "nn.ParameterList([nn.Parameter(b.weight.clone())])",
    }
