"""Hugging Face's metadata block: YAML that a hub reads off the top of a model card.

As https://github.com/huggingface/hub-docs/blob/main/modelcard.md has it.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from holdfast.evaluation.write_model_card.measures import Measure
from holdfast.model import ModelInfo

# Of https://huggingface.co/docs/hub/repositories-licenses; any other is `other` with a name.
LICENSES = frozenset({
    "agpl-3.0", "apache-2.0", "artistic-2.0", "bsd-2-clause", "bsd-3-clause", "cc-by-4.0",
    "cc-by-nc-4.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-4.0", "cc-by-nd-4.0", "cc-by-sa-4.0",
    "cc0-1.0", "epl-2.0", "eupl-1.2", "gpl-2.0", "gpl-3.0", "isc", "lgpl-2.1", "lgpl-3.0", "mit",
    "mpl-2.0", "openrail", "unlicense", "zlib",
})  # fmt: skip


# What begins HTML, a link or a piece of code; no key and no word of ours holds it.
_HARM = re.compile(r"[<\[`@]|(?<=:)/(?=/)|(?<=www)\.")


def front_matter(
    name: str,
    license_text: str,
    info: ModelInfo,
    measures: Sequence[Measure],
    test: Mapping[str, Any],
) -> str:
    """Return the block with its fences; names are on one line, and what is not known is left out.

    Args:
        name: The model's name.
        license_text: Its licence, or nothing.
        info: What the model says about itself.
        measures: What was measured.
        test: What the table of the measurement says about itself.
    """
    import yaml

    task = f"tabular-{info.task}"
    document: dict[str, Any] = {
        **_license(license_text),
        "library_name": "sklearn",
        "pipeline_tag": task,
        "tags": ["sklearn", "skops", "tabular", task],
    }
    if measures:
        document["metrics"] = [measure.name for measure in measures]
        result = {
            "task": {"type": task, "name": task.replace("-", " ").capitalize()},
            "dataset": _dataset(info, test),
            "metrics": [_metric(measure) for measure in measures],
        }
        document["model-index"] = [{"name": _line(name), "results": [result]}]

    class Dumper(yaml.SafeDumper):
        """Quotes what Markdown takes for more than text, so that it can be escaped."""

    Dumper.add_representer(str, _scalar)
    text = yaml.dump(document, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=100)
    # To who does not know front matter, it is Markdown; YAML reads the same names as before.
    escaped = _HARM.sub(lambda found: f"\\x{ord(found[0]):02X}", text)
    return f"---\n{escaped}---\n"


def _scalar(dumper: Any, text: str) -> Any:
    style = '"' if _HARM.search(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _license(text: str) -> dict[str, str]:
    if not text.strip():
        return {}
    if text.strip().lower() in LICENSES:
        return {"license": text.strip().lower()}
    return {"license": "other", "license_name": re.sub(r"[^\w.]+", "-", text).strip("-").lower()}


def _dataset(info: ModelInfo, test: Mapping[str, Any]) -> dict[str, str]:
    found = {
        "type": "tabular",
        "name": f"Test rows with the target {_line(info.target)}",
        "split": _line(str(test.get("role") or "test")),
        "revision": str(test.get("sha256") or ""),
    }
    return {key: value for key, value in found.items() if value}


def _metric(measure: Measure) -> dict[str, Any]:
    found: dict[str, Any] = {"type": measure.name, "value": measure.value}
    if measure.has_interval:
        found["name"] = f"{measure.name} (interval {measure.low:.6g} to {measure.high:.6g})"
    return found


def _line(text: str) -> str:
    return " ".join(text.split())
