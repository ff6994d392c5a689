"""Random trees of files: a dictionary is a folder, bytes are a file."""

from __future__ import annotations

from hypothesis import strategies as st

names = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="/\\:"), min_size=1)
parts = names.filter(
    lambda name: (
        name not in (".", "..", ".DS_Store", "__MACOSX") and name.lower() != "input" and len(name.encode()) < 99
    )
)
trees = st.recursive(
    st.binary(max_size=200), lambda inner: st.dictionaries(parts, inner, max_size=4), max_leaves=12
).filter(lambda value: isinstance(value, dict))
Tree = dict[str, "bytes | Tree"]


def flat(nested: Tree, above: str = "") -> dict[str, bytes | None]:
    found: dict[str, bytes | None] = {}
    for name, value in nested.items():
        found[above + name] = value if isinstance(value, bytes) else None
        if not isinstance(value, bytes):
            found |= flat(value, f"{above}{name}/")
    return found
