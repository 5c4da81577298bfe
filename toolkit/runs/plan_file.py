"""Plan files: YAML in, a `Plan` out, every mistake named by its line.

Paths in a plan file are relative to its folder.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from toolkit.errors import InputError
from toolkit.runs.plan import Inputs, Output, Plan, StepPlan

__all__ = ["load_plan"]

_LARGEST = 1024 * 1024
_KINDS: dict[str, type[BaseModel]] = {
    kind.model_fields["use"].default: kind for kind in get_args(get_args(StepPlan)[0])
}
Place = tuple[str | int, ...]


def load_plan(path: str | Path, *, changes: Sequence[str] = ()) -> Plan:
    """Read a plan file, with `key=value` changes (`steps.extract.model=small`) put in first.

    InputError names the file, the line and, for an unknown key, the nearest right one.
    """
    path = Path(path)
    text = _read(path)
    lines: dict[Place, int] = {}
    try:
        node = yaml.compose(text, Loader=_Loader)
        content = _plain(node, (), lines, path)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}: " if mark else ""
        raise InputError(f"{path}: {where}{error.problem or 'not YAML'}") from error
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    except RecursionError:
        raise InputError(f"{path}: nested too deep for a plan") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: a plan is a mapping with inputs, steps and outputs")
    for change in changes:
        _change(content, change)
    content.setdefault("name", path.stem)
    _anchor_paths(content, path.resolve().parent)
    try:
        return Plan.model_validate(content)
    except ValidationError as error:
        raise InputError(f"{path}: {_explain(error, lines)}") from error


class _Loader(yaml.SafeLoader):
    """Refuses aliases: a few lines of them can stand for gigabytes, and no plan needs one."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(
                problem=f"an alias (*{event.anchor}) is not allowed in a plan; write the value out",
                problem_mark=event.start_mark,
            )
        return super().compose_node(parent, index)


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > _LARGEST:
            raise InputError(
                f"{path} is larger than 1 MiB", hint="a plan names its inputs, it does not hold them"
            )
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot read the plan {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"the plan {path} is not UTF-8", hint="save it as UTF-8") from error


def _plain(node: Any, place: Place, lines: dict[Place, int], path: Path) -> Any:
    """Turn nodes into plain values, noting the line of every key and item."""
    if isinstance(node, yaml.MappingNode):
        made: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key, line = str(key_node.value), key_node.start_mark.line + 1
            if key in made:
                raise InputError(f"{path}: line {line}: {key!r} stands twice")
            lines[*place, key] = line
            made[key] = _plain(value_node, (*place, key), lines, path)
        return made
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            lines[*place, index] = item.start_mark.line + 1
        return [_plain(item, (*place, index), lines, path) for index, item in enumerate(node.value)]
    if node is None:
        return None
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node)
    finally:
        loader.dispose()


def _change(content: dict[str, Any], change: str) -> None:
    key, equals, value = change.partition("=")
    if not equals or not key:
        raise InputError(
            f"--set {change} is not key=value", hint="for example --set steps.extract.model=small"
        )
    at: Any = content
    *parents, last = key.split(".")
    for part in parents:
        if isinstance(at, dict) and at.get(part) is None:
            at[part] = {}
        at = _inside(at, part, change)
    try:
        said = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise InputError(f"--set {change}: the value is not YAML") from error
    if isinstance(at, list):
        _inside(at, last, change)
        at[int(last)] = said
    elif isinstance(at, dict):
        at[last] = said
    else:
        raise InputError(f"--set {change}: {'.'.join(parents)} holds no keys")


def _inside(at: Any, part: str, change: str) -> Any:
    if isinstance(at, dict):
        return at[part]
    if isinstance(at, list) and part.isdigit() and int(part) < len(at):
        return at[int(part)]
    raise InputError(f"--set {change}: there is no {part} there")


def _anchor_paths(content: dict[str, Any], folder: Path) -> None:
    def anchored(value: Any) -> Any:
        if isinstance(value, str):
            return value if value == "-" else str(folder / Path(value).expanduser())
        return [anchored(item) for item in value] if isinstance(value, list) else value

    if "store" in content:
        content["store"] = anchored(content["store"])
    for name in ("files", "clauses", "questions"):
        if isinstance(content.get("inputs"), dict) and name in content["inputs"]:
            content["inputs"][name] = anchored(content["inputs"][name])
    outputs = content.get("outputs")
    for output in outputs if isinstance(outputs, list) else []:
        if isinstance(output, dict) and "path" in output:
            output["path"] = anchored(output["path"])
    steps = content.get("steps")
    for step in steps.values() if isinstance(steps, dict) else []:
        if isinstance(step, dict) and "classifier" in step:
            step["classifier"] = anchored(step["classifier"])


def _explain(error: ValidationError, lines: dict[Place, int]) -> str:
    """Make one line of the first mistake, and count the others."""
    errors = error.errors()
    first = errors[0]
    place: Place = ()
    for part in first["loc"]:  # a union's tag stands in `loc` and not in the file
        if (*place, part) in lines:
            place = (*place, part)
    line = next((lines[place[:n]] for n in range(len(place), 0, -1) if place[:n] in lines), None)
    where = f"line {line}: " if line else ""
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{where}{_say(first, place)}{more}"


def _say(error: Any, place: Place) -> str:
    dotted = ".".join(str(part) for part in place)
    if error["type"] == "extra_forbidden":
        key, parent = str(error["loc"][-1]), error["loc"][:-1]
        return f"unknown key {key!r}{_nearest(key, _fields(parent))}"
    if error["type"] == "union_tag_invalid":
        name = str(error["ctx"]["tag"])
        return f"unknown step {name!r}{_nearest(name, _KINDS)}"
    if error["type"] == "missing":
        return f"{'.'.join(str(part) for part in error['loc'])} is missing"
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    said = str(error["msg"]).replace("Input should be", "should be")
    return f"{dotted}: {said}" if dotted else said


def _fields(loc: Sequence[str | int]) -> list[str]:
    model: type[BaseModel] = Plan
    if loc[:1] == ("inputs",):
        model = Inputs
    elif loc[:1] == ("outputs",):
        model = Output
    elif loc[:1] == ("steps",) and len(loc) > 2:
        model = _KINDS[str(loc[2])]
    return list(model.model_fields)


def _nearest(wrong: str, right: Sequence[str] | dict[str, Any]) -> str:
    near = difflib.get_close_matches(wrong, list(right), n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else f"; the keys are {', '.join(right)}"
