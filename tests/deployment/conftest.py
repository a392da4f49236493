"""API servers for the tests of deploying."""

import pytest

from tests.deployment import clusters
from tests.deployment.apiserver import stand_in
from tests.deployment.kubernetes_server import has_kubernetes, kube_apiserver


@pytest.fixture(scope="session")
def stand_in_server():
    """The stand-in, on which faults can be made; each test takes its faults away again."""
    with stand_in() as server:
        clusters.define(server)
        yield server


@pytest.fixture(scope="session")
def kubernetes(tmp_path_factory):
    """A real kube-apiserver with etcd."""
    if not has_kubernetes():
        pytest.skip("no kube-apiserver and etcd on the PATH or in ~/go/bin")
    with kube_apiserver(tmp_path_factory.mktemp("kubernetes")) as server:
        clusters.define(server)
        yield server


@pytest.fixture(params=["stand-in", "kube-apiserver"])
def server(request):
    """Each API server in turn."""
    name = "stand_in_server" if request.param == "stand-in" else "kubernetes"
    return request.getfixturevalue(name)


@pytest.fixture
def cluster(server, tmp_path, monkeypatch):
    """A namespace with KServe, which this process reaches as a pipeline's step does."""
    with clusters.cluster(server, tmp_path) as made:
        monkeypatch.setenv("KUBECONFIG", made.config)
        yield made


@pytest.fixture
def faulty(stand_in_server, tmp_path, monkeypatch):
    """The same on the stand-in alone, whose `server.faults` strike."""
    with clusters.cluster(stand_in_server, tmp_path) as made:
        monkeypatch.setenv("KUBECONFIG", made.config)
        yield made
        stand_in_server.faults.clear()
