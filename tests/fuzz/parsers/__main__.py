"""Fuzz the parsers of one environment: python -m tests.fuzz.parsers ENVIRONMENT CORPUS [OPTIONS].

The first byte of an input chooses the parser, the rest is what it reads. CORPUS.fed tells which of
them were reached. OPTIONS are libFuzzer's.
"""

import sys
import warnings
from importlib import import_module
from pathlib import Path

import atheris

from tests.fuzz.parsers.mutate import mutated

# Of the inputs that hold a document, how many are changed as one.
AS_DOCUMENT = 3, 4


def main(environment: str, corpus: Path, options: list[str]) -> None:
    """Fuzz until libFuzzer's bounds are reached; it ends the process at the first crash."""
    warnings.simplefilter("ignore")
    with atheris.instrument_imports(include=["holdfast"]):
        targets = import_module(f"tests.fuzz.parsers.{environment}").TARGETS
        for target in targets.values():
            for seed in target.seeds:
                # Parsers import inside; and a seed that is refused leads nowhere.
                target.parse(seed)
    names = sorted(targets)
    fed: set[str] = set()

    def one(data: bytes) -> None:
        if data:
            name = names[data[0] % len(names)]
            if name not in fed:
                fed.add(name)
                corpus.with_suffix(".fed").write_text("\n".join(sorted(fed)))
            targets[name].feed(data[1:])

    corpus.mkdir(parents=True, exist_ok=True)
    for place, name in enumerate(names):
        for number, seed in enumerate(targets[name].seeds):
            (corpus / f"{name}-{number}").write_bytes(bytes([place]) + seed)
    atheris.Setup([sys.argv[0], *options, str(corpus)], one, custom_mutator=mutate)
    atheris.Fuzz()


def mutate(data: bytes, most: int, seed: int) -> bytes:
    """Return another input: another document mostly, else other bytes."""
    some, of = AS_DOCUMENT
    if seed % of < some:
        found = mutated(data[1:], most - 1, seed)
        if found is not None:
            return data[:1] + found
    return atheris.Mutate(data, most)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
