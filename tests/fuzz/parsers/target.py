"""What is fuzzed: a parser, the inputs to begin with, and the one way in which it may refuse."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """A parser of bytes, which may raise `refusals` and nothing else."""

    parse: Callable[[bytes], object]
    seeds: tuple[bytes, ...]
    refusals: tuple[type[Exception], ...]

    def feed(self, data: bytes) -> None:
        """Parse, and take a refusal for an answer."""
        try:
            self.parse(data)
        except self.refusals as error:
            # What is told to the user must be told on every machine.
            str(error).encode()


Targets = Mapping[str, Target]


def text(data: bytes) -> str:
    """Return bytes as the text that a parameter can hold."""
    return data.decode("utf-8", "replace")
