"""Clusters on this machine, for the tests of what runs on them."""

from collections.abc import Iterator

import pytest

from clusters import ray_cluster, slurm_cluster, ssh_server
from clusters.ray_cluster import RayCluster
from clusters.slurm_cluster import SlurmCluster
from clusters.ssh_server import SshHosts


@pytest.fixture(scope="session")
def has_ray() -> None:
    """Skip where no Ray can be started."""
    if reason := ray_cluster.missing():
        pytest.skip(reason)


@pytest.fixture(scope="session")
def has_slurm() -> None:
    """Skip where no Slurm can be started."""
    if reason := slurm_cluster.missing():
        pytest.skip(reason)


@pytest.fixture
def ray(has_ray: None) -> Iterator[RayCluster]:
    """A Ray of two nodes, for this test alone."""
    with ray_cluster.ray_cluster() as cluster:
        yield cluster


@pytest.fixture
def ssh() -> Iterator[SshHosts]:
    """Two hosts that ssh reaches, for this test alone."""
    if reason := ssh_server.missing():
        pytest.skip(reason)
    with ssh_server.ssh_hosts() as hosts:
        yield hosts


@pytest.fixture
def slurm(has_slurm: None) -> Iterator[SlurmCluster]:
    """A Slurm of two nodes, for this test alone."""
    with slurm_cluster.slurm_cluster() as cluster:
        yield cluster
