"""threads: what a container is allowed, read from the files that the kernel shows it."""

import os
import shutil
import subprocess

import pytest

from holdfast.threads import available
from holdfast.training import threads
from tests.training.samples import ROOT


@pytest.fixture(autouse=True)
def eight_cpus(monkeypatch):
    """A machine of eight CPUs on which nothing else is said."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


def tree(root, cgroup, files):
    """Write /proc/self/cgroup and files below /sys/fs/cgroup."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(cgroup)
    for name, text in files.items():
        file = root / "sys/fs/cgroup" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")
    return root


V1 = "11:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n"


@pytest.mark.parametrize(
    ("cgroup", "files", "expected"),
    [
        ("0::/\n", {"cpu.max": "200000 100000"}, 2),
        ("0::/\n", {"cpu.max": "max 100000"}, 8),
        ("0::/\n", {"cpu.max": "150000 100000"}, 1),
        ("0::/\n", {"cpu.max": "50000 100000"}, 1),
        ("0::/\n", {"cpu.max": "399999 100000"}, 3),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000", "a/cpu.max": "300000 100000"}, 3),
        ("0::/kubepods/pod1/c1\n", {"cpu.max": "400000 100000"}, 4),
        (V1, {"cpu,cpuacct/cpu.cfs_quota_us": "200000",
              "cpu,cpuacct/cpu.cfs_period_us": "100000"}, 2),
        (V1, {"cpu/docker/abc/cpu.cfs_quota_us": "50000",
              "cpu/docker/abc/cpu.cfs_period_us": "10000"}, 5),
        (V1, {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 8),
        ("4:cpu:/\n0::/\n", {"unified/cpu.max": "700000 100000", "cpu/cpu.cfs_quota_us": "600000",
                             "cpu/cpu.cfs_period_us": "100000"}, 6),
        ("0::/\n", {}, 8),
    ],
    ids=["v2", "v2 without a limit", "v2 one and a half", "v2 half", "v2 nearly four",
         "v2 a limit above", "v2 a container's own mount", "v1", "v1 below the mount",
         "v1 without a limit", "v1 and v2", "no files"],
)  # fmt: skip
def test_the_quota_of_the_cgroup_is_followed(cgroup, files, expected, tmp_path):
    assert available(tree(tmp_path, cgroup, files)) == expected


def test_without_cgroups_the_cpus_are_counted(tmp_path):
    assert available(tmp_path) == 8


def test_a_cpuset_is_followed(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5})
    assert available(tree(tmp_path, "0::/\n", {"cpu.max": "400000 100000"})) == 2


@pytest.mark.parametrize(("told", "expected"), [("3", 3), ("16", 8), ("", 8), ("2,1", 2), ("0", 1)])
def test_what_the_user_tells_openmp_is_kept_to(told, expected, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", told)
    assert available(tmp_path) == expected


def test_a_small_table_wakes_one_thread(monkeypatch):
    monkeypatch.setattr(threads, "available", lambda: 8)
    assert (threads.worth(1000), threads.worth(10_000_000)) == (1, 8)


def test_the_choice_of_threads_does_not_change_the_trees(monkeypatch):
    import numpy as np
    from xgboost import XGBRegressor

    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(20_000, 10))
    target = inputs[:, 0] * inputs[:, 1] + rng.normal(size=20_000)
    plain = {"n_estimators": 12, "max_depth": 6}
    pace = threads.faster(2)
    ours = XGBRegressor(**plain, n_jobs=2, callbacks=[pace]).fit(inputs, target)
    one = XGBRegressor(**plain, n_jobs=1).fit(inputs, target)
    np.testing.assert_array_equal(ours.predict(inputs), one.predict(inputs))
    assert pace.now in (1, 2)
    assert len(pace.spent[pace.now]) == 3 + 6


def test_the_faster_number_of_threads_is_kept_and_asked_for_again(monkeypatch):
    # Each round takes two seconds with one thread and one with four.
    clock = {"now": 0.0, "threads": 0}
    monkeypatch.setattr("time.perf_counter", lambda: clock["now"])
    pace, used = threads.faster(4), []

    class Booster:
        def set_param(self, parameters):
            clock["threads"] = parameters["nthread"]

    for round_ in range(2 * (threads.STEADY_ROUNDS + 2 * threads.TRIED_ROUNDS)):
        pace.before_iteration(Booster(), round_, {})
        used.append(clock["threads"])
        clock["now"] += 2 if clock["threads"] == 1 else 1
        pace.after_iteration(Booster(), round_, {})
    assert used[:6] == [4, 1, 4, 1, 4, 1]
    assert set(used[6:66]) == {4}
    assert used[66:72] == [4, 1, 4, 1, 4, 1]
    assert set(used[72:]) == {4}


def docker_runs():
    program = shutil.which("docker")
    return bool(program) and not subprocess.run([program, "info"], capture_output=True).returncode


@pytest.mark.docker
@pytest.mark.skipif(not docker_runs(), reason="no Docker engine answers")
@pytest.mark.parametrize(("option", "expected"), [("--cpus=1", 1), ("--cpuset-cpus=0", 1)])
def test_a_real_container_is_believed(option, expected):
    from holdfast.images import image

    reference = image("training")
    if subprocess.run(["docker", "image", "inspect", reference], capture_output=True).returncode:
        pytest.skip("the image is missing (make images)")
    program = "from holdfast.threads import available; print(available())"
    done = subprocess.run(
        ["docker", "run", "--rm", option, "-v", f"{ROOT}/components:/source:ro",
         "-e", "PYTHONPATH=/source", reference, "python3", "-c", program],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.strip() == str(expected), done.stderr
