"""Runs a page as a reader would: its blocks in order, in a checkout of its own.

What a block is, its first word after the fence says:

- `bash` is run, and must succeed; what it exports holds for the blocks that follow.
- `text` after a `bash` block is what that ended with on stdout; `...` stands for what differs.
- Every other block is a file, and the sentence before it ends in the file's name: "In `dag.py`:".

Nothing is left out: a block that is none of these is an error. Addresses that stand for the
reader's own, such as registry.example.com, are replaced by those of servers on this machine.
"""

import itertools
import os
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"`([\w./-]+)`:$")
BACKGROUND = re.compile(r"&$", re.MULTILINE)
SECONDS = 600
# What stands for anything: for lines if it is alone.
MORE = "..."


@dataclass(frozen=True)
class Block:
    """A fenced block; `name` is of the file that it stands for, `line` where its text begins."""

    kind: str
    text: str
    name: str
    line: int


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page in order."""
    text = page.read_text()
    found = []
    for fence in FENCE.finditer(text):
        before = text[: fence.start()].rstrip()
        named = NAMED.search(before)
        line = text.count("\n", 0, fence.start(2)) + 1
        found.append(Block(fence[1], fence[2], named[1] if named else "", line))
    return found


class WrongPageError(AssertionError):
    """A block that does not do what the page says."""


@dataclass
class Reader:
    """Follows pages in a folder.

    Args:
        folder: Where commands run.
        variables: The environment of the commands.
        stand_ins: What replaces a text of the page, such as the address of a server.
    """

    folder: Path
    variables: Mapping[str, str]
    stand_ins: Mapping[str, str] = field(default_factory=dict)
    servers: list[int] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def follow(self, page: Path, about: str = "") -> list[str]:
        """Do what a page says; return what each of its commands printed.

        With `about`, only the commands in whose block the word is.
        """
        printed: list[str] = []
        state = self.folder / f".{page.stem}.environment"
        state.unlink(missing_ok=True)
        try:
            for block in _about(blocks(page), about):
                self._do(block, f"{page.name}:{block.line}", printed, state)
        finally:
            self.close()
        return printed

    def with_stand_ins(self, text: str) -> str:
        """Return a text of the page as it is run."""
        for theirs, ours in self.stand_ins.items():
            text = text.replace(theirs, ours)
        return text

    def close(self) -> None:
        """End what was started in the background."""
        while self.servers:
            with suppress(ProcessLookupError):
                os.killpg(self.servers.pop(), signal.SIGTERM)

    def _do(self, block: Block, place: str, printed: list[str], state: Path) -> None:
        text = self.with_stand_ins(block.text)
        if block.kind == "bash":
            printed.append(self.run(text, place, state))
        elif block.kind == "text":
            _compare(text, printed[-1] if printed else "", place)
        elif block.name:
            file = self.folder / block.name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        else:
            raise WrongPageError(f"{place}: name the file before the block, or make it bash")

    def run(self, script: str, place: str, state: Path) -> str:
        """Run commands as a shell does that stops at the first failure; return its stdout."""
        kept = shlex.quote(str(state))
        whole = f"[ ! -f {kept} ] || . {kept}\n{script}\nexport -p > {kept}\n"
        # Files and not pipes, and each block its own: servers in the background go on writing.
        number = next(self.numbers)
        out, errors = (state.with_suffix(f".{number}.{end}") for end in ("out", "errors"))
        with out.open("w") as told, errors.open("w") as complained:
            process = subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", whole], cwd=self.folder,
                env=dict(self.variables), stdout=told, stderr=complained,
                stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
            if BACKGROUND.search(script):
                self.servers.append(process.pid)
            try:
                code = process.wait(timeout=SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        stdout = out.read_text(errors="replace")
        if code:
            tail = errors.read_text(errors="replace")[-3000:]
            raise WrongPageError(f"{place} ended with {code}\n{script}\n{stdout[-2000:]}\n{tail}")
        return stdout


def _about(found: list[Block], word: str) -> Iterator[Block]:
    kept = True
    for block in found:
        # What a command printed belongs to the command.
        kept = kept if block.kind == "text" else word in block.text
        if kept:
            yield block


def ends_with(printed: str, shown: str) -> bool:
    """Tell whether output ended with what a page shows, but for the width of spaces."""
    pattern = ""
    for line in shown.splitlines():
        words = [re.escape(word).replace(re.escape(MORE), ".*") for word in line.split()]
        pattern += r"(?:.*\n)*" if line.strip() == MORE else r" *" + " +".join(words) + r" *\n"
    return bool(re.search(rf"^{pattern}\Z", printed, re.MULTILINE))


def _compare(shown: str, printed: str, place: str) -> None:
    if not ends_with(printed, shown):
        raise WrongPageError(
            f"{place} shows\n{shown}but what was printed ended with\n{printed[-3000:]}"
        )
