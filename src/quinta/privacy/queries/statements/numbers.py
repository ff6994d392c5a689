"""Functions of numbers that are made of simpler ones: ROUND to decimals, WIDTH_BUCKET."""

from __future__ import annotations

from sqlglot import exp

from quinta.core.datasets.metadata import ColumnType
from quinta.privacy.queries.statements import functions
from quinta.privacy.queries.statements.building import Building
from quinta.privacy.queries.statements.literals import literal_of
from quinta.privacy.queries.statements.logic import compared
from quinta.privacy.queries.statements.refusals import only, refused
from quinta.privacy.queries.tree import Expression, IsNull, Literal

MOST_DECIMALS = 9
MOST_BUCKETS = 10_000


def round_of(builder: Building, node: exp.Round) -> Expression:
    """ROUND(x, decimals): scaled, rounded and scaled back."""
    only(node, "this", "decimals")
    given = node.args.get("decimals")
    places = literal_of(0) if given is None else builder.build(given)
    value = places.value if isinstance(places, Literal) else None
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > MOST_DECIMALS:
        raise refused(f"ROUND takes a constant number of decimals from -{MOST_DECIMALS} to {MOST_DECIMALS}", node)
    operand, scale = builder.number(node.this), literal_of(10 ** abs(value))
    if value == 0:
        return builder.apply("round", node, operand)
    down, up = ("divide", "multiply") if value < 0 else ("multiply", "divide")
    return builder.apply(up, node, builder.apply("round", node, builder.apply(down, node, operand, scale)), scale)


def bucket_of(builder: Building, node: exp.WidthBucket) -> Expression:
    """WIDTH_BUCKET(x, low, high, n): 0 below the first of n bins of equal width, n + 1 from the end of the last one."""
    only(node, "this", "min_value", "max_value", "num_buckets")
    ends = [node.args.get(name) for name in ("min_value", "max_value", "num_buckets")]
    if None in ends:
        raise refused("WIDTH_BUCKET takes x, a lower end, a higher one and the number of bins", node)
    low, high, count = (builder.number(end) for end in ends if end is not None)
    if not (isinstance(low, Literal) and isinstance(high, Literal) and isinstance(count, Literal)):
        raise refused("the bins of WIDTH_BUCKET are constants", node)
    bins, width = count.value, builder.apply("subtract", node, high, low)
    if not isinstance(bins, int) or not 0 < bins <= MOST_BUCKETS or width.bounds is None or width.bounds.lower <= 0:
        raise refused(f"WIDTH_BUCKET takes a lower end, a higher one and from 1 to {MOST_BUCKETS} bins", node)
    subject = builder.number(node.this)
    past = builder.apply("subtract", node, subject, low)
    place = builder.apply("divide", node, builder.apply("multiply", node, past, count), width)
    number = builder.apply("add", node, builder.apply("floor", node, place), literal_of(1))
    inner = builder.apply("least", node, builder.apply("greatest", node, number, literal_of(1)), count)
    outside: list[tuple[Expression, Expression]] = [
        (IsNull(builder.again(subject, node)), Literal(None, ColumnType.INT)),
        (compared("<", builder.again(subject, node), low), literal_of(0)),
        (compared(">=", builder.again(subject, node), high), literal_of(bins + 1)),
    ]
    return functions.case(outside, inner)
