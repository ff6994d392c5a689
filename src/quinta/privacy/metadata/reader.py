"""The reader of metadata files: which format it is, and what both have at the top (contract dq0 6.1)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any, Final

from quinta.core.datasets.metadata import DatasetMetadata
from quinta.privacy.metadata.build import dataset_of
from quinta.privacy.metadata.extras import mask_sample, read_extras
from quinta.privacy.metadata.group import Group, mapping_of, refused
from quinta.privacy.metadata.loading import load_yaml
from quinta.privacy.metadata.node import Node, tree_of
from quinta.privacy.metadata.old import old_tree
from quinta.privacy.metadata.redaction import redacted_text

_SPECIFICATION: Final = "dataset_v1"
_MOST_COLUMNS: Final = 10_000


class YamlMetadataReader:
    """Implements ``core.ports.MetadataReader``. It has no state, so that it can be called in another process."""

    def read(self, text: str) -> DatasetMetadata:
        """The metadata in a YAML text of the formats simple, full or old.

        InvalidInput, field ``meta``, says what is wrong and where: an unknown key, a missing one, a wrong type, a name
        that stands twice. It tells keys, and of the values only names of columns.
        """
        tree, extras = _loaded(text)
        metadata = dataset_of(tree, extras)
        if sum(len(table.columns) for _, table in metadata.tables) > _MOST_COLUMNS:
            raise refused("", f"has more than {_MOST_COLUMNS} columns")
        return replace(metadata, sample=mask_sample(metadata))

    def redacted(self, text: str, hidden: Collection[str], dropped: Collection[int]) -> str:
        """As ``core.ports.MetadataReader.redacted``."""
        tree, _ = _loaded(text)
        return redacted_text(tree, _SPECIFICATION, hidden, dropped)


def _loaded(text: str) -> tuple[Node, dict[str, Any]]:
    """The tree of a file, and what stands beside it at its top."""
    top = Group("", mapping_of(load_yaml(text), ""))
    if "meta_dataset" in top.keys:
        tree = _present_tree(top.child("meta_dataset"))
        extras = read_extras(top)
    else:
        # These first: mappings that are left at the top are schemas.
        extras = read_extras(top)
        tree = old_tree(top)
    top.end()
    return tree, extras


def _present_tree(meta: Group) -> Node:
    stated, specification, node = meta.text("format"), meta.text("specification"), meta.take("node")
    meta.end()
    if stated not in ("", "full", "simple"):
        raise refused("meta_dataset.format", "must be full or simple")
    if specification != _SPECIFICATION:
        raise refused("meta_dataset.specification", f"must be {_SPECIFICATION}")
    return tree_of(node, stated)
