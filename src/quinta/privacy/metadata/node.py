"""The tree that simple and full metadata say alike: nodes with groups of attributes (contract dq0 6.2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from quinta.privacy.metadata.group import Group, kind_of, list_of, mapping_of, refused, shown

KINDS: Final = ("dataset", "database", "schema", "table", "column")
"""Each has children of the next kind."""
_NODE_KEYS: Final = frozenset({"type_name", "attributes", "child_nodes", "permissions"})
_ATTRIBUTE_KEYS: Final = frozenset({"type_name", "key", "value", "permissions"})
_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "boolean": (bool,),
    "int": (int,),
    "float": (float, int),
    "string": (str,),
    "list": (list,),
}


@dataclass(slots=True)
class Node:
    """``groups`` are the attributes by group; a group that is asked for is taken out."""

    where: str
    groups: dict[str, dict[str, Any]]
    children: list[Node] = field(default_factory=list)

    def group(self, name: str) -> Group:
        return Group(f"{self.where}.{name}", self.groups.pop(name, {}))

    def end(self) -> None:
        """Refuses groups that were not asked for."""
        for name in self.groups:
            raise refused(self.where, f"the group {shown(name)} is not known here")


def tree_of(node: Any, stated: str) -> Node:
    """The tree of ``node``, which is the dataset. ``stated`` is its format, "" where none is stated: a mapping with
    type_name is a full one then."""
    mapping = mapping_of(node, "node")
    full = stated == "full" or (not stated and "type_name" in mapping)
    if full:
        return _full(mapping, "dataset", 0)
    if list(mapping) != ["dataset"]:
        raise refused("node", "must have the one key 'dataset'")
    return _simple(mapping["dataset"], "dataset", 0)


def _simple(value: Any, where: str, level: int) -> Node:
    node = Group(where, mapping_of(value, where))
    attributes = mapping_of(node.take("attributes"), f"{where}.attributes")
    below = mapping_of(node.take("child_nodes"), f"{where}.child_nodes")
    node.end()
    groups = {name: dict(mapping_of(group, f"{where}.{name}")) for name, group in attributes.items()}
    children = []
    if below:
        if level + 1 == len(KINDS):
            raise refused(f"{where}.child_nodes", "a column has no child nodes")
        kind = KINDS[level + 1]
        names = [kind] if list(below) == [kind] else [f"{kind}_{index}" for index in range(len(below))]
        for name in names:
            if name not in below:
                raise refused(f"{where}.child_nodes", f"'{name}' is missing: they are named {kind}_0, {kind}_1 and on")
            children.append(_simple(below[name], f"{where}.{name}", level + 1))
    return Node(where, groups, children)


def _full(value: Any, where: str, level: int) -> Node:
    node = mapping_of(value, where)
    _known(node, _NODE_KEYS, where)
    if level == len(KINDS) or node.get("type_name") != KINDS[level]:
        wanted = "no child nodes" if level == len(KINDS) else f"the type_name '{KINDS[level]}'"
        raise refused(where, f"must have {wanted} here")
    groups: dict[str, dict[str, Any]] = {}
    for name, attribute in _attributes(node.get("attributes"), where):
        if isinstance(attribute, list) and attribute:
            raise refused(f"{where}.{name}", "must be a list of attributes with keys")
        groups[name] = attribute if isinstance(attribute, dict) else {}
    below = list_of(node.get("child_nodes"), f"{where}.child_nodes")
    kind = KINDS[level + 1] if level + 1 < len(KINDS) else "child"
    children = [_full(child, f"{where}.{kind}_{index}", level + 1) for index, child in enumerate(below)]
    return Node(where, groups, children)


def _attributes(value: Any, where: str) -> list[tuple[str, Any]]:
    """Attributes that have keys, in their order."""
    found: dict[str, Any] = {}
    for index, item in enumerate(list_of(value, where)):
        attribute = mapping_of(item, f"{where}[{index}]")
        key = attribute.get("key")
        if not isinstance(key, str):
            raise refused(f"{where}[{index}]", "an attribute needs a key, a text")
        if key in found:
            raise refused(where, f"the key {shown(key)} stands there twice")
        found[key] = _value(attribute, f"{where}.{key}")
    return list(found.items())


def _value(attribute: dict[str, Any], where: str) -> Any:
    """The value of an attribute, of its stated type: a list of attributes with keys is a mapping, one without is a
    list."""
    _known(attribute, _ATTRIBUTE_KEYS, where)
    type_name, value = attribute.get("type_name"), attribute.get("value")
    if type_name == "datetime":
        return value
    if not isinstance(type_name, str) or type_name not in _TYPES:
        raise refused(where, f"type_name must be one of {', '.join(sorted([*_TYPES, 'datetime']))}")
    if value is None:
        return None
    if type(value) not in _TYPES[type_name]:
        raise refused(where, f"must be a {type_name}, as its type_name says, not {kind_of(value)}")
    if not isinstance(value, list):
        return value
    items = [mapping_of(item, f"{where}[{index}]") for index, item in enumerate(value)]
    if any("key" in item for item in items):
        return dict(_attributes(value, where))
    return [_value(item, f"{where}[{index}]") for index, item in enumerate(items)]


def _known(mapping: dict[str, Any], keys: frozenset[str], where: str) -> None:
    """``permissions`` of single attributes are taken and mean nothing here: who is no owner sees none of what the
    format's own rules keep from users (contract dq0 6.2), whatever a file grants."""
    for key in mapping:
        if key not in keys:
            raise refused(where, f"the key {shown(key)} is not known; known here: {', '.join(sorted(keys))}")
