"""Clusters on this machine, for the tests of what runs on them."""

from collections.abc import Iterator

import pytest

from clusters.slurm_cluster import SlurmCluster, missing, slurm_cluster


@pytest.fixture(scope="session")
def has_slurm() -> None:
    """Skip where no Slurm can be started."""
    if reason := missing():
        pytest.skip(reason)


@pytest.fixture
def slurm(has_slurm: None) -> Iterator[SlurmCluster]:
    """A Slurm of two nodes, for this test alone."""
    with slurm_cluster() as cluster:
        yield cluster
