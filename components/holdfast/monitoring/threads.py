"""Threads of the libraries beneath."""

from collections.abc import Iterator
from contextlib import contextmanager

from holdfast.threads import limited


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep OpenMP and BLAS within a thread: where CPUs are shared, threads wait for one another.

    Sums of several threads also differ in their last bits from machine to machine.
    """
    # What is not loaded yet cannot be limited.
    import sklearn.ensemble  # noqa: F401

    with limited(1):
        yield
