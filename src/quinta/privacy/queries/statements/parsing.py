"""Text to syntax tree: one SELECT or WITH statement within limits (issue 9: Analysis)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import Token, TokenType, exp
from sqlglot.dialects.postgres import Postgres
from sqlglot.errors import ParseError, SqlglotError

from quinta.core.errors import InvalidInput
from quinta.privacy.queries.statements.parameters import check_text, put_in
from quinta.privacy.queries.statements.refusals import refused, shown, text_of

DEEPEST = 60
"""Brackets, and levels of the syntax tree, within each other: far above what people write, far below where recursion
ends (about 300 levels)."""

_OPENING = frozenset({TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE, TokenType.CASE})
_CLOSING = frozenset({TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE, TokenType.END})


def parsed(statement: str, params: Mapping[str, str]) -> exp.Select:
    """The statement's syntax with parameters put in. InvalidInput says what is no SELECT, too long or too deep."""
    check_text(statement, "query", "the statement")
    tokens = _tokens(statement)
    _check_start(tokens)
    _check_nesting(tokens)
    tree = _tree(_with_braces_as_parameters(tokens), statement)
    _check_depth(tree)
    put_in(tree, params)
    return select_in(tree)


def select_in(node: exp.Expr) -> exp.Select:
    """The SELECT that a statement or a subquery is, without brackets around it."""
    while isinstance(node, exp.Subquery) and not any(value for name, value in node.args.items() if name != "this"):
        node = node.this
    if isinstance(node, exp.SetOperation):
        raise refused("UNION, INTERSECT and EXCEPT are not supported: ask one SELECT at a time", node)
    if not isinstance(node, exp.Select):
        raise refused(f"a SELECT is needed instead of {text_of(node)}", node)
    return node


def _tokens(statement: str) -> list[Token]:
    try:
        tokens = list(Postgres().tokenize(statement))
    except SqlglotError:
        raise refused("the statement cannot be read: a quote, a comment or a bracket is not closed") from None
    while tokens and tokens[-1].token_type == TokenType.SEMICOLON:
        tokens.pop()
    if not tokens:
        raise refused("the statement is empty: a SELECT is needed")
    return tokens


def _check_start(tokens: Sequence[Token]) -> None:
    """The sentence is the one that the original's runner ends with (contract dq0 3.8)."""
    first = next((token for token in tokens if token.token_type != TokenType.L_PAREN), tokens[0])
    if first.token_type not in (TokenType.SELECT, TokenType.WITH):
        raise _bad_token(first, f"missing SELECT at '{shown(first.text)}'")
    for token in tokens:
        if token.token_type == TokenType.SEMICOLON:
            raise _bad_token(token, "one statement at a time: nothing may follow the ';'")


def _bad_token(token: Token, message: str) -> InvalidInput:
    column = token.col - (token.end - token.start + 1)
    return refused(f"Bad token {shown(token.text)} at line {token.line} column {max(0, column)}.  Message: {message}")


def _check_nesting(tokens: Sequence[Token]) -> None:
    depth = run = 0
    for token in tokens:
        depth += (token.token_type in _OPENING) - (token.token_type in _CLOSING)
        run = run + 1 if token.token_type in (TokenType.NOT, TokenType.DASH, TokenType.PLUS, TokenType.TILDE) else 0
        if max(depth, run) > DEEPEST:
            raise _bad_token(token, f"nested deeper than {DEEPEST} levels")


def _with_braces_as_parameters(tokens: Sequence[Token]) -> list[Token]:
    """``{name}`` means ``:name`` (contract dq0 5.3)."""
    kept: list[Token] = []
    index = 0
    while index < len(tokens):
        kinds = [token.token_type for token in tokens[index : index + 3]]
        if kinds == [TokenType.L_BRACE, TokenType.VAR, TokenType.R_BRACE]:
            brace = tokens[index]
            kept.append(Token(TokenType.COLON, ":", brace.line, brace.col, brace.start, brace.end))
            kept.append(tokens[index + 1])
            index += 3
        else:
            kept.append(tokens[index])
            index += 1
    return kept


def _tree(tokens: list[Token], statement: str) -> exp.Expr:
    try:
        trees = Postgres().parser().parse(tokens, statement)
    except RecursionError:
        raise refused("the statement is nested too deeply") from None
    except ParseError as error:
        raise _syntax_error(error) from None
    except (SqlglotError, ValueError, TypeError, AttributeError, IndexError, KeyError):
        # The parser is not total: on some token soup it falls over its own feet, which is a syntax error all the same.
        raise refused("the statement cannot be read as SQL") from None
    if len(trees) != 1 or trees[0] is None:
        raise refused("one statement at a time")
    return trees[0]


def _syntax_error(error: ParseError) -> InvalidInput:
    found = error.errors[0] if error.errors else {}
    word, line, column = str(found.get("highlight") or ""), found.get("line"), found.get("col")
    if line is None or column is None:
        return refused("the statement cannot be read as SQL")
    place = f"line {line} column {max(0, int(column) - len(word))}"
    return refused(f"Bad token {shown(word)} at {place}.  Message: the statement cannot be read as SQL from here on")


def _check_depth(tree: exp.Expr) -> None:
    """Chains of AND and OR are flat, whatever their length; everything else counts its levels."""
    waiting = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        if depth > DEEPEST:
            raise refused(f"the statement is nested deeper than {DEEPEST} levels", node)
        for child in node.iter_expressions():
            flat = isinstance(child, exp.And | exp.Or) and type(child) is type(node)
            waiting.append((child, depth if flat else depth + 1))
