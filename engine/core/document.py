"""From a file people wrote (YAML or JSON) to a checked `Saga`, and back.

Every mistake becomes a `Problem` with its path and a remedy; a text that is no saga raises
`DefinitionInvalid` and nothing else. Sizes and aliases are bounded, so that a file can't exhaust memory.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any, ClassVar

import yaml
from pydantic import ValidationError

from engine.core.errors import DefinitionInvalid, Problem
from engine.core.keys import key_remedy, name_remedy
from engine.core.saga import KINDS, Saga
from engine.core.validators import VALIDATOR_KINDS

MAX_BYTES = 1_000_000
MAX_DEPTH = 40
MAX_VALUES = 200_000
MAX_PROBLEMS = 50
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _StrictLoader(_Loader):  # type: ignore[misc] # the C loader has no types
    """Refuses what YAML lets pass in silence: aliases (bombs) and duplicate keys (lost steps).

    Plain words mean what they mean in JSON and YAML 1.2: `no` and `12:30` are texts, `1e5` is a number.
    """

    yaml_implicit_resolvers: ClassVar[dict[Any, Any]] = {}


class _LiteralDumper(_Dumper):  # type: ignore[misc] # the C dumper has no types
    """Writes texts of several lines as blocks, so that prompts stay readable, and no aliases: they are refused."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - whatever it is, it is written out
        """Return that a value which stands twice is written twice."""
        return True


def _mapping(loader: Any, node: Any) -> dict[Any, Any]:
    seen: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = key_node.value
        where = f"line {key_node.start_mark.line + 1}"
        if not isinstance(key, str) or key_node.tag == "tag:yaml.org,2002:null":
            raise DefinitionInvalid(
                [Problem(where, "a key that is not a plain word", "use a name as the key")]
            )
        if key in seen:
            raise DefinitionInvalid(
                [Problem(where, f"'{key}' is there twice", "rename or remove one; ids are unique")]
            )
        seen[key] = loader.construct_object(value_node, deep=True)
    return seen


def _foreign(_loader: Any, node: Any) -> Any:
    word = str(node.tag).removeprefix("tag:yaml.org,2002:")
    problem = Problem(_line(node), f"the tag `!!{word}`", "write plain text, numbers, lists and mappings")
    raise DefinitionInvalid([problem])


def _block(dumper: Any, text: str) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_StrictLoader.add_constructor("tag:yaml.org,2002:map", _mapping)
_NUMBER = re.compile(
    r"[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_WORDS = {
    "bool": re.compile("true|True|TRUE|false|False|FALSE"),
    "null": re.compile("|~|null|Null|NULL"),
    "int": re.compile("[-+]?(?:0|[1-9][0-9]*)"),
    "float": _NUMBER,
}
for _tag, _word in _WORDS.items():
    _StrictLoader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_word.pattern})\Z"), None
    )
for _tag in ("binary", "omap", "pairs", "set", "timestamp"):
    _StrictLoader.add_constructor(f"tag:yaml.org,2002:{_tag}", _foreign)
_LiteralDumper.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(rf"(?:{_NUMBER.pattern})\Z"), None)
_LiteralDumper.add_representer(str, _block)


def parse_document(text: str | bytes) -> dict[str, Any]:
    """Return the mapping that a YAML or JSON text holds.

    Raises:
        DefinitionInvalid: too large, no YAML, aliases, duplicate keys, too deep, or not a mapping.
    """
    size = len(text.encode(errors="replace")) if isinstance(text, str) else len(text)
    if size > MAX_BYTES:
        problem = f"{size:,} bytes; a definition may have {MAX_BYTES:,}"
        raise DefinitionInvalid([Problem("file", problem, "move data into inputs or into a service")])
    try:
        document = _quick_json(text)
        if document is None:
            _refuse_aliases_and_depth(text)
            document = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a safe loader, made stricter
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise DefinitionInvalid([_yaml_problem(error, text)], is_partial=True) from None
    if not isinstance(document, dict):
        problem = f"a saga is a mapping, this is {_kind_of(document)}"
        raise DefinitionInvalid([Problem("file", problem, "start with `saga: my-name` and `steps:`")])
    return document


def _quick_json(text: str | bytes) -> Any:
    """Return what a JSON text holds, or None where it is none, or where YAML says better what is wrong."""
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"{word} is no number in JSON")


def _refuse_aliases_and_depth(text: str | bytes) -> None:
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=_Loader)):
        if count > MAX_VALUES:
            problem = f"more than {MAX_VALUES:,} values"
            raise DefinitionInvalid([Problem("file", problem, "move data into inputs or into a service")])
        if isinstance(event, yaml.AliasEvent):
            where = _line(event)
            remedy = "write the value out; aliases can blow a file up beyond memory"
            raise DefinitionInvalid([Problem(where, f"the alias `*{event.anchor}`", remedy)])
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                where = _line(event)
                raise DefinitionInvalid([Problem(where, f"nested deeper than {MAX_DEPTH}", "flatten it")])
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _line(event: Any) -> str:
    return f"line {event.start_mark.line + 1}" if event.start_mark else "file"


def _yaml_problem(error: Exception, text: str | bytes) -> Problem:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "file"
    if mark and _is_tab(text, mark.line, mark.column):
        return Problem(where, "this is not YAML or JSON: a tab", "indent with spaces")
    what = str(getattr(error, "problem", None) or error).splitlines()[0]
    return Problem(where, f"this is not YAML or JSON: {what}", "check indentation, colons and quotes there")


def _is_tab(text: str | bytes, line: int, column: int) -> bool:
    """Return whether a tab stands at a place, or before it where the line begins."""
    lines = (text if isinstance(text, str) else text.decode(errors="replace")).splitlines()
    return line < len(lines) and lines[line][column : column + 1] == "\t"


def _kind_of(value: Any) -> str:
    names = {str: "text", list: "a list", int: "a number", float: "a number", bool: "a Boolean"}
    return names.get(type(value), "empty")


def saga_from_document(document: dict[str, Any]) -> Saga:
    """Return the saga that a mapping describes, checked for its form (not yet for its graph).

    Raises:
        DefinitionInvalid: with a `Problem` per mistake.
    """
    foreign = next(_no_json(document, "", 0), None)
    if foreign is not None:
        raise DefinitionInvalid([foreign], is_partial=True)
    try:
        saga = Saga.model_validate(document)
    except ValidationError as error:
        raise DefinitionInvalid(_form_problems(error), is_partial=True) from None
    return saga


def _no_json(value: Any, path: str, depth: int) -> Iterator[Problem]:
    """Yield what JSON can't hold: such a definition would be another one after saving it."""
    where = path or "file"
    if depth > MAX_DEPTH:
        yield Problem(where, f"nested deeper than {MAX_DEPTH}", "flatten it")
    elif isinstance(value, dict):
        for key, item in value.items():
            if isinstance(key, str):
                yield from _no_json(item, f"{path}.{key}" if path else key, depth + 1)
            else:
                yield Problem(where, f"the key {key!r} is no text", "use a name as the key")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _no_json(item, f"{path}[{index}]", depth + 1)
    elif isinstance(value, float) and not math.isfinite(value):
        yield Problem(where, "a number that JSON does not know (nan or infinity)", "write a finite number")
    elif isinstance(value, str) and not value.isascii() and _has_surrogate(value):
        yield Problem(where, "a broken character", "write the text again")
    elif value is not None and not isinstance(value, bool | int | float | str):
        yield Problem(where, f"a {type(value).__name__}, which JSON does not know", "write it as text")


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in text)


def parse_saga(text: str | bytes) -> Saga:
    """Return the saga that a YAML or JSON text describes, checked for its form.

    Raises:
        DefinitionInvalid: with a `Problem` per mistake.
    """
    return saga_from_document(parse_document(text))


def to_yaml(document: dict[str, Any]) -> str:
    """Return the document as YAML, keys in their own order, texts of several lines as blocks."""
    return str(
        yaml.dump(document, Dumper=_LiteralDumper, sort_keys=False, allow_unicode=True, width=100, indent=2)
    )


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a definition, for editors and forms."""
    schema = Saga.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Saga", **schema}


def _form_problems(error: ValidationError) -> list[Problem]:
    items = [item for item in error.errors(include_url=False) if not _is_of_other_member(dict(item))]
    found = list(dict.fromkeys(_form_problem(dict(item)) for item in items))
    if len(found) > MAX_PROBLEMS:
        more = Problem("file", f"{len(found) - MAX_PROBLEMS} more mistakes", "correct the ones above first")
        found = [*found[:MAX_PROBLEMS], more]
    return found


def _is_of_other_member(item: dict[str, Any]) -> bool:
    """Tell whether a mapping was only refused for not being a word, which it may be instead."""
    return item["type"] == "literal_error" and isinstance(item["input"], dict)


def _form_problem(item: dict[str, Any]) -> Problem:
    path, context = _path(item["loc"]), item.get("ctx", {})
    match item["type"]:
        case "union_tag_invalid":
            return Problem(
                f"{path}.kind",
                f"unknown kind '{context['tag']}'",
                _kinds_remedy(str(context["tag"]), context),
            )
        case "union_tag_not_found":
            return Problem(
                path,
                "it has no `kind`",
                f"add `kind:` with one of {context.get('tag', '') or ', '.join(KINDS)}",
            )
        case "extra_forbidden":
            return Problem(path, "unknown key", key_remedy(Saga, item["loc"]))
        case "missing":
            return Problem(path, "it is missing", f"add `{_last_word(item['loc'])}:`")
        case "string_pattern_mismatch":
            name = str(item["input"])
            shown = name if len(name) <= 60 else name[:57] + "..."
            return Problem(path, f"'{shown}' can't be a name", name_remedy(name, context["pattern"]))
    what = item["msg"].removeprefix("Value error, ")
    return Problem(
        path, f"{what[:1].lower()}{what[1:]} (it is {_shown(item['input'])})", "correct this value"
    )


def _path(location: Iterable[str | int]) -> str:
    parts: list[str] = []
    for piece in location:
        if isinstance(piece, int):
            parts.append(f"[{piece}]")
        elif piece.startswith("tagged-union[") or _is_member(piece, parts):
            continue  # pydantic names the union and the member of it there
        elif piece not in {"[key]", "tuple[str, ...]", "str"} and not piece.startswith(
            ("function-", "literal[")
        ):
            parts.append(f".{piece}" if parts else piece)
    return "".join(parts) or "file"


def _is_member(piece: str, parts: list[str]) -> bool:
    of_step = len(parts) > 1 and parts[-2] in {"steps", ".steps"}
    if piece in KINDS and (of_step or parts[-1:] in ([".step"], [".compensate"])):
        return True
    in_list = len(parts) > 1 and parts[-1].startswith("[")
    return in_list and (
        (parts[-2] in {".validate", "validate"} and piece in VALIDATOR_KINDS)
        or (parts[-2] == ".fallback" and piece in {"llm", "value"})
    )


def _last_word(location: Iterable[str | int]) -> str:
    return [str(piece) for piece in location if isinstance(piece, str)][-1]


def _kinds_remedy(tag: str, context: dict[str, Any]) -> str:
    expected = str(context.get("expected_tags", ", ".join(KINDS))).replace("'", "")
    near = get_close_matches(tag, expected.split(", "), n=1)
    return (f"did you mean {near[0]}? " if near else "") + f"kinds are {expected}"


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."
