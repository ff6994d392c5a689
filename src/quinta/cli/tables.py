"""Tables and quantities for terminals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_LESS_THAN = (
    (0.001, 1e-6, "us"),
    (1.0, 0.001, "ms"),
    (120.0, 1.0, "s"),
    (7_200.0, 60.0, "min"),
    (172_800.0, 3_600.0, "h"),
)


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Lines with columns side by side; numbers stand to the right."""
    texts = [[str(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(headers, *texts, strict=True)]
    right = [bool(texts) and all(_is_quantity(row[index]) for row in texts) for index in range(len(headers))]
    lines = []
    for row in (headers, *texts):
        cells = (
            value.rjust(width) if to_the_right else value.ljust(width)
            for value, width, to_the_right in zip(row, widths, right, strict=True)
        )
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def duration(seconds: float | None) -> str:
    """Such as ``3.2 ms``, ``45 s`` or ``3.5 h``; ``-`` for None."""
    if seconds is None:
        return "-"
    for limit, unit, name in _LESS_THAN:
        if seconds < limit:
            return f"{seconds / unit:.{_digits(seconds / unit)}f} {name}"
    return f"{seconds / 86_400:.{_digits(seconds / 86_400)}f} d"


def size(count: float) -> str:
    """Such as ``512 B``, ``3.4 MB`` or ``120 GB``; thousands of 1,024."""
    for name in ("B", "KB", "MB", "GB"):
        if count < 1_024:
            return f"{count:.{0 if name == 'B' else _digits(count)}f} {name}"
        count /= 1_024
    return f"{count:.{_digits(count)}f} TB"


def _digits(value: float) -> int:
    return 1 if value < 10 and round(value, 1) != round(value) else 0


def _is_quantity(text: str) -> bool:
    return text == "-" or text[:1].isdigit()
