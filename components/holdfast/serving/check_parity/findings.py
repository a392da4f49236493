"""What a protocol answered, and what of it goes into the verdict."""

from collections.abc import Iterator
from dataclasses import dataclass

from holdfast.serving.check_parity.ask import Protocol
from holdfast.verdict import Reason

EXAMPLES = 5


@dataclass(frozen=True)
class Found:
    """What a protocol answered, compared with the model.

    `differing` and `unanswered` are row numbers of the table; `largest` is the largest difference
    between two numbers, 0 where labels alone differ; `said` is the first refusal.
    """

    protocol: Protocol
    differing: tuple[int, ...]
    unanswered: tuple[int, ...]
    largest: float
    said: str


def reasons_of(found: Found, rows: int) -> Iterator[Reason]:
    """Yield what speaks against a protocol, if anything; `rows` is how many were asked for."""
    name = f"protocol {found.protocol.upper()}"
    if found.differing:
        count = len(found.differing)
        yield Reason(
            code="answers_differ",
            subject=found.protocol,
            observed=f"{count} of {rows} rows, by up to {found.largest:.6g}",
            expected="the answers of the packaged model",
            message=f"By {name}, {count} of {rows} rows are answered otherwise than in process; "
            f"the largest difference is {found.largest:.6g}. Row numbers: "
            f"{examples(found.differing)}.",
            effect="fail",
            share=count / rows,
            examples=tuple(map(str, found.differing[:EXAMPLES])),
        )
    if found.unanswered:
        count = len(found.unanswered)
        yield Reason(
            code="rows_not_answered",
            subject=found.protocol,
            observed=f"{count} of {rows} rows: {found.said}",
            expected="an answer to every row",
            message=f"By {name}, {count} of {rows} rows are not answered, which the model answers "
            f"in process. The server said: {found.said}",
            effect="fail",
            share=count / rows,
            examples=tuple(map(str, found.unanswered[:EXAMPLES])),
        )


def left_out(infinite: int, asked: int) -> Reason:
    """Return the reason for rows that no client can ask for."""
    rows = infinite + asked
    return Reason(
        code="infinite_numbers",
        subject="table",
        observed=f"{infinite} of {rows} rows",
        expected="finite numbers",
        message=f"{infinite} of {rows} rows were left out: JSON can't say an infinite number, so "
        f"no client can ask for them.",
        effect="warn" if asked else "fail",
        share=infinite / rows,
    )


def examples(numbers: tuple[int, ...]) -> str:
    """Return the first row numbers as text."""
    more = len(numbers) - EXAMPLES
    return ", ".join(map(str, numbers[:EXAMPLES])) + (f" and {more} more" if more > 0 else "")
