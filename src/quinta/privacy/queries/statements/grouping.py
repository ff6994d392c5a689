"""Expressions over keys and aggregates: what a SELECT with GROUP BY or aggregates may say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlglot import exp

from quinta.core.errors import InvalidInput
from quinta.privacy.queries.statements.aggregates import Asked, asked_by, is_aggregate
from quinta.privacy.queries.statements.catalogue import matching
from quinta.privacy.queries.statements.expressions import Builder
from quinta.privacy.queries.statements.refusals import refused, text_of
from quinta.privacy.queries.statements.relations import Effort, NoisyScope, RowScope
from quinta.privacy.queries.tree import Column, Expression

MOST_AGGREGATES = 100


@dataclass(slots=True)
class Grouping:
    """Names keys and aggregates as they are met: the same ones once. ``measure`` registers an aggregate and says which
    column it is."""

    scope: RowScope | NoisyScope
    effort: Effort
    keys: list[Expression]
    key_columns: list[Column]
    measure: Callable[[Asked], Column]

    def builder(self, aliases: Mapping[str, Expression] | None = None) -> Builder:
        """For what stands in SELECT, or, with the names given there, in HAVING and ORDER BY."""
        known = aliases or {}
        inner = Builder(self.scope)

        def special(node: exp.Expr) -> Expression | None:
            if is_aggregate(node):
                return self.measure(asked_by(node))
            if isinstance(node, exp.Literal | exp.Boolean | exp.Null | exp.Paren):
                return None
            named = alias_in(node, known)
            if named is not None:
                return named
            return self._key(node, inner)

        return Builder(NoisyScope((), self.effort), special)

    def _key(self, node: exp.Expr, inner: Builder) -> Expression | None:
        """The key that the node says again; a name that is none is refused."""
        if any(is_aggregate(part) for part in node.walk()):
            return None
        if not isinstance(node, exp.Column) and not self.keys:
            return None
        left = self.effort.left
        try:
            found = inner.build(node)
        except InvalidInput:
            if isinstance(node, exp.Column):
                raise
            return None
        finally:
            self.effort.left = left
        if found in self.keys:
            return self.key_columns[self.keys.index(found)]
        if isinstance(node, exp.Column):
            raise refused(
                f"{text_of(node)} must stand in GROUP BY or inside an aggregate: rows are never told",
                node,
            )
        return None


def alias_in(node: exp.Expr, known: Mapping[str, Expression]) -> Expression | None:
    """What an alias of SELECT stands for."""
    if (
        not known
        or not isinstance(node, exp.Column)
        or len(node.parts) != 1
        or not isinstance(node.this, exp.Identifier)
    ):
        return None
    found = matching(node.this, known, str)
    return known[found[0]] if found else None
