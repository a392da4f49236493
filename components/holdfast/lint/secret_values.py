"""HF6: secrets in the file. No message ever holds one."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping

from holdfast.lint.findings import Path
from holdfast.lint.pipeline import EXECUTORS, Pipeline, entries, part, words
from holdfast.lint.rule import Place, rule

# Forms that say by themselves what they are. From the issuers' own documentation.
FORMS = {
    "an AWS access key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "a GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})",
    "a GitLab token": r"\bglpat-[A-Za-z0-9_\-]{20,}",
    "a Slack token": r"\bxox[abeprs]-[A-Za-z0-9\-]{10,}",
    "a Slack webhook": r"\bhooks\.slack\.com/services/T\w{6,}/B\w{6,}/\w{16,}",
    "a Google API key": r"\bAIza[0-9A-Za-z_\-]{35}",
    "a Hugging Face token": r"\bhf_[A-Za-z0-9]{30,}",
    "an OpenAI or Anthropic key": r"\bsk-(?:proj-|ant-)?(?=[\w\-]*\d)(?=[\w\-]*[A-Z])[\w\-]{32,}",
    "a Stripe key": r"\b[rs]k_live_[A-Za-z0-9]{20,}",
    "a PyPI token": r"\bpypi-[A-Za-z0-9_\-]{40,}",
    "an npm token": r"\bnpm_[A-Za-z0-9]{36}\b",
    "an Azure account key": r"\bAccountKey=[A-Za-z0-9+/]{60,}={0,2}",
    "a JSON web token": r"\beyJ[\w\-]{10,}\.eyJ[\w\-]{10,}\.[\w\-]{10,}",
    "a private key": r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----",
}
PATTERNS = {what: re.compile(form) for what, form in FORMS.items()}
ANY = re.compile("|".join(f"(?:{form})" for form in FORMS.values()))
# A quick look before the slower patterns.
HINTS = re.compile(r"AKIA|ASIA|gh[pousr]_|github_pat_|glpat-|xox|hooks\.slack|AIza|hf_|sk-|k_live_"
                   r"|pypi-|npm_|AccountKey=|eyJ|PRIVATE KEY")  # fmt: skip
PASSWORD_IN_URI = re.compile(r"\b[a-z][a-z0-9+.\-]{1,20}://[^\s/:@'\"]{0,100}:([^\s/@'\"]{1,200})@")
ASSIGNED = re.compile(
    r"(?i)\b[\w.]{0,40}(?:password|passwd|secret|token|api_?key|access_?key)\w{0,20}"
    r"[\"']?\]?\s{0,4}[:=]\s{0,4}[\"']([A-Za-z0-9+/=_\-]{16,200})[\"']"
)
# What people write where a secret will be.
EXAMPLES = re.compile(
    r"(?i)example|placeholder|change[_-]?me|replace|your|dummy|sample|redacted|\*\*|xxx|\.\.\.|^<|^\$"
    r"|\{\{|^%|^\{|^(?:pass|passwd|password|pw|pwd|secret|token|user|test|none|null|todo)$"
)
LAST_WORDS = frozenset(
    {"password", "passwd", "pwd", "passphrase", "secret", "token", "apikey"}
    | {"credential", "credentials"}
)
LAST_PAIRS = frozenset({("api", "key"), ("access", "key"), ("secret", "key"), ("private", "key"),
                        ("account", "key"), ("auth", "key"), ("encryption", "key")})  # fmt: skip
RANDOM_BITS = 3.5
RANDOM_LETTERS = 16


@rule(
    "HF601",
    "secret",
    "error",
    why="A token, a key, or a password in an address, known by its form. Everyone who can see the "
    "pipeline can read it, as can the logs and the metadata of every run.",
    remedy="Take it back at its issuer, and pass a Kubernetes Secret by "
    "kubernetes.use_secret_as_env.",
)
def secret(pipeline: Pipeline) -> Iterator[Place]:
    """Find secrets that have a form of their own."""
    for document, path, text in pipeline.texts:
        for what in kinds_of_secrets(text):
            yield Place(f"{what} in `{place_name(path)}`", path, document)


def kinds_of_secrets(text: str) -> list[str]:
    """Return what secrets are in a text, by their forms."""
    kinds = []
    if HINTS.search(text):
        for what, pattern in PATTERNS.items():
            if any(not EXAMPLES.search(found[0]) for found in pattern.finditer(text)):
                kinds.append(what)
    if "://" in text:
        passwords = PASSWORD_IN_URI.finditer(text)
        if any(not EXAMPLES.search(found[1]) for found in passwords):
            kinds.append("a password in an address")
    return kinds


def without_secrets(text: str) -> str:
    """Return a text with everything that has a secret's form blotted out."""
    text = ANY.sub("***", text)
    return PASSWORD_IN_URI.sub(lambda found: found[0].replace(f":{found[1]}@", ":***@"), text)


def place_name(path: Path) -> str:
    """Return the end of a path, as people say it."""
    return ".".join(str(key) for key in path[-3:])


@rule(
    "HF602",
    "literal-for-a-secret",
    "warning",
    why="A variable or a parameter with a secret's name (password, token, api_key) has a value in "
    "the file. An error where the value looks random, as keys do: 16 letters or more, of three "
    "and a half bits each. Names of secrets (secret_name) are no concern.",
    remedy="kubernetes.use_secret_as_env for the value, and an empty default.",
)
def literal_for_a_secret(pipeline: Pipeline) -> Iterator[Place]:
    """Find values of what is named as a secret."""
    for name, value, path in _named_values(pipeline):
        # What has a form of its own is found by it.
        if is_secret_name(name) and _is_told(value) and not kinds_of_secrets(str(value)):
            yield from _place(name, str(value), path)
    for step in pipeline.steps:
        for path, word in step.words:
            for found in ASSIGNED.finditer(word) if len(word) > RANDOM_LETTERS else ():
                if is_random(found[1]) and not kinds_of_secrets(found[1]):
                    message = f"{step.name} assigns what looks like a key in its code"
                    yield Place(message, path, severity="error")
                    break


def _named_values(pipeline: Pipeline) -> Iterator[tuple[str, object, Path]]:
    for step in pipeline.steps:
        for index, variable in enumerate(entries(step.container, "env")):
            path = (*EXECUTORS, step.label, "container", "env", index)
            yield str(variable.get("name")), variable.get("value"), path
    for task in pipeline.tasks:
        for name, given in task.parameters.items():
            runtime = part(given, "runtimeValue")
            if "constant" in runtime:
                yield name, runtime["constant"], (*task.path, "inputs", "parameters", name)
    owners = [(dag.path, dag.component) for dag in pipeline.dags[:1]]
    owners += [(("components", n), c) for n, c in sorted(pipeline.components.items())]
    for path, component in owners:
        for name, spec in _definitions(component).items():
            where = (*path, "inputDefinitions", "parameters", name)
            yield name, part(spec).get("defaultValue"), where


def _definitions(component: object) -> Mapping[str, object]:
    return part(component, "inputDefinitions", "parameters")


def is_secret_name(name: str) -> bool:
    """Tell whether a name ends with a word for a secret: db_password, but not password_file."""
    last = words(name)[-2:]
    return last[-1:] != [] and (last[-1] in LAST_WORDS or tuple(last) in LAST_PAIRS)


def _is_told(value: object) -> bool:
    return isinstance(value, str) and len(value) > 3 and not EXAMPLES.search(value)


def _place(name: str, value: str, path: Path) -> Iterator[Place]:
    # The name of a Kubernetes Secret is often a parameter named secret.
    if is_random(value):
        yield Place(f"`{name}` has a value that looks like a key", path, severity="error")
    elif words(name)[-1] not in ("secret", "credential", "credentials"):
        yield Place(f"`{name}` has a value in the file", path)


def is_random(text: str) -> bool:
    """Tell whether a text looks like a key: long, of letters and digits, hard to guess."""
    if len(text) < RANDOM_LETTERS or EXAMPLES.search(text):
        return False
    shares = [count / len(text) for count in Counter(text).values()]
    mixed = re.search(r"\d", text) and re.search(r"[A-Za-z]", text) and not re.search(r"\s", text)
    return bool(mixed) and -sum(s * math.log2(s) for s in shares) >= RANDOM_BITS
