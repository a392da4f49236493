"""How many threads a step may use: the container's share, never the host's CPUs.

The kernel's limits are read where they stand: the CPUs that the process may run on (a cpuset), and
the quota of its cgroup and of those above it, version 2 or 1. A share of 1.5 CPUs is one thread: a
second would be halted for a third of the time while the first waits for it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath


def available(root: Path = Path("/")) -> int:
    """Return how many threads can run at once, at least one.

    Args:
        root: Where /proc and /sys are.
    """
    limits = [len(os.sched_getaffinity(0)), *_quotas(root)]
    told = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    if told.isdecimal():
        limits.append(int(told))
    return max(1, int(min(limits)))


def wait_passively() -> None:
    """Let waiting OpenMP threads sleep; to be called before anything loads OpenMP.

    A thread that spins takes the CPU from the one it waits for where the CPUs are shared.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@contextmanager
def limited(threads: int) -> Iterator[None]:
    """Keep OpenMP within a number of threads, and linear algebra within one.

    The sums of OpenBLAS depend on its number of threads, and the same seed must give the same
    bytes on any machine.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(threads, "openmp"), threadpool_limits(1, "blas"):
        yield


def _quotas(root: Path) -> list[float]:
    """Return the CPU quotas that hold for this process, in CPUs."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            folders = ["sys/fs/cgroup", "sys/fs/cgroup/unified"]
        elif "cpu" in controllers.split(","):
            folders = [f"sys/fs/cgroup/{controllers}", "sys/fs/cgroup/cpu"]
        else:
            continue
        found += [_quota(root / top / below) for top in folders for below in _upwards(path)]
    return [quota for quota in found if quota > 0]


def _upwards(path: str) -> list[str]:
    """Return a cgroup's path and those above it, to the mount, which may be the container's own."""
    pure = PurePosixPath("/", path)
    return [str(p).lstrip("/") for p in (pure, *pure.parents)]


def _quota(group: Path) -> float:
    """Return a group's CPU quota in CPUs, 0 for none."""
    try:
        if (group / "cpu.max").is_file():
            quota, period = (group / "cpu.max").read_text(encoding="ascii").split()
        else:
            quota = (group / "cpu.cfs_quota_us").read_text(encoding="ascii").strip()
            period = (group / "cpu.cfs_period_us").read_text(encoding="ascii").strip()
        return max(0.0, int(quota) / int(period))
    except (OSError, ValueError):
        # No such file, or `max`: no limit.
        return 0.0
