"""What a task gets to know of this machine, the same in a container as in a process."""

import pytest

from holdfast.images import image
from holdfast.local.docker import DockerRunner
from holdfast.local.runner import Task, variables_of

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")


@pytest.mark.parametrize("name", PROXIES)
def test_a_proxy_is_passed_on(monkeypatch, tmp_path, name):
    monkeypatch.setenv(name, "proxy.example")
    assert variables_of(tmp_path)[name] == "proxy.example"


def test_what_is_no_business_of_a_task_is_not_passed_on(monkeypatch, tmp_path):
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    assert "GITHUB_TOKEN" not in variables_of(tmp_path)


@pytest.mark.docker
def test_a_container_gets_the_proxies(engine, monkeypatch, tmp_path):
    for name in PROXIES:
        monkeypatch.setenv(name, f"{name}.example")
    task = Task(image("data"), ["sh", "-c", "env"], variables_of(tmp_path), tmp_path)
    with (tmp_path / "log").open("w+", encoding="utf-8") as log:
        assert DockerRunner().run(task, log) == 0
        log.seek(0)
        said = log.read().splitlines()
    assert {f"{name}={name}.example" for name in PROXIES} <= set(said)
