"""Documents that people write in YAML, checked before any data is read."""

from typing import TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from holdfast.errors import InputError

SHOWN_MISTAKES = 5


class Document(BaseModel):
    """A mapping whose keys are all known, each of its own type."""

    # Strict: the text "5" is not the number 5, and a number is no column name.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


Kind = TypeVar("Kind", bound=Document)


def read_document(text: str, kind: type[Kind], name: str) -> Kind:
    """Return what the YAML `text` of the input `name` says; the default for an empty text.

    Raises:
        InputError: The text is not YAML, or holds something else than the documented grammar.
    """
    try:
        return kind.model_validate(yaml.safe_load(text) or {})
    except yaml.YAMLError as error:
        found = " ".join(str(error).split())
    except ValidationError as error:
        mistakes = error.errors(include_url=False, include_context=False, include_input=False)
        found = "; ".join(
            f"{'.'.join(str(part) for part in m['loc']) or 'the document'}: {m['msg']}"
            for m in mistakes[:SHOWN_MISTAKES]
        )
    raise InputError(
        f"`{name}` must be YAML of the documented grammar. Found: {found}. Correct it; the README "
        f"of the component gives the grammar."
    )
