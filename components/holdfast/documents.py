"""Documents that people write in YAML, checked before any data is read."""

import re
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from holdfast.errors import InputError

SHOWN_MISTAKES = 5
SHOWN_LETTERS = 500
# No column of numbers holds more.
WHOLE_BITS = 64


class Document(BaseModel):
    """A mapping whose keys are all known, each of its own type."""

    # Strict: the text "5" is not the number 5, and a number is no column name.
    # Infinity is no bound, and nothing is ever within NaN.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


Kind = TypeVar("Kind", bound=Document)


class _Loader(yaml.SafeLoader):
    """Reads plain documents: each key once, and nothing that stands for something else."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            # Aliases of aliases grow without bound, and so do merged keys.
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="aliases cannot be used", problem_mark=mark)
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if getattr(event, "tag", None):
            # Of "!!int" before a text that is no number, PyYAML makes errors of its own kinds.
            mark = event.start_mark
            raise yaml.MarkedYAMLError(problem="tags cannot be used", problem_mark=mark)
        if isinstance(event, yaml.ScalarEvent):
            # JSON spells what is beyond 16 bits by two halves, which PyYAML leaves apart; one half
            # alone can't be written into a report.
            halves = event.value.encode("utf-16", "surrogatepass")
            event.value = halves.decode("utf-16")
        return super().compose_node(parent, index)

    def construct_whole(self, node: yaml.ScalarNode) -> int:
        """Return a whole number that can be compared with a column's."""
        value = int(self.construct_yaml_int(node))
        if value.bit_length() > WHOLE_BITS:
            raise ValueError(f"a whole number of more than {WHOLE_BITS} bits")
        return value

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if len(set(keys)) < len(keys):
            # YAML would keep the last one and silently drop the rules of the first.
            problem = f"a key is given twice among {keys[:20]}"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_whole)
# YAML 1.1 takes 1e-06, as JSON and Python write it, for text.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"),
    "-+0123456789",
)


def read_document(text: str, kind: type[Kind], name: str) -> Kind:
    """Return what the YAML `text` of the input `name` says; the default for an empty text.

    Raises:
        InputError: The text is not YAML, or holds something else than the documented grammar.
    """
    try:
        document = yaml.load(text, _Loader)  # noqa: S506  # a SafeLoader
        return kind.model_validate({} if document is None else document)
    except yaml.YAMLError as error:
        found = " ".join(str(error).split())
    except RecursionError:
        found = "too many levels"
    except ValidationError as error:
        mistakes = error.errors(include_url=False, include_context=False, include_input=False)
        found = "; ".join(
            f"{'.'.join(str(part) for part in m['loc']) or 'the document'}: {m['msg']}"
            for m in mistakes[:SHOWN_MISTAKES]
        )
    except (ValueError, OverflowError) as error:
        # A number of too many digits, a day that is in no calendar, a letter that is in no script.
        found = str(error)
    raise InputError(
        f"`{name}` must be YAML of the documented grammar. Found: {found[:SHOWN_LETTERS]}. Correct "
        f"it; the page of the component or the command gives the grammar."
    )
