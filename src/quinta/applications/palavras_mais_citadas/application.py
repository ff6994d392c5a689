"""Palavras Mais Citadas: the two- and three-word expressions that most comments cite (contract vbrain 8).

In: ``comments.xlsx`` with the columns ID and Comment. Out: ``ngrams.xlsx`` with ID, ngram and ngram_index, one row for
each comment and each of the expressions that it cites. Python 3.8 or newer, with openpyxl.

What counts as an expression:

- Words are lower-case; they keep accents, inner hyphens and apostrophes ("bem-vindo", "d'água") and inner points and
  commas of numbers ("3,5"). Between the words of an expression there are blanks only: none goes across the end of a
  sentence, another punctuation mark or a line break.
- It neither begins nor ends with one of STOP_WORDS ("falta de água" is one, "falta de" is none), and holds none of the
  param irrelevant_words.
- It counts once for each comment that has it, however often that comment repeats it. Two comments must have it, unless
  no expression is in two.
- Two words are left out where each comment that has them also has one and the same expression of three with them in it.

At most MOST_EXPRESSIONS are written, those that most comments cite.
"""

# ruff: noqa: B905, RUF007 - zip() has no strict= and itertools no pairwise() before Python 3.10

from __future__ import annotations

import heapq
import logging
import re
import unicodedata
import zipfile
import zlib
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from openpyxl import Workbook, load_workbook
from openpyxl.utils.exceptions import InvalidFileException

INPUT_FILE = "comments.xlsx"
OUTPUT_FILE = "ngrams.xlsx"
MOST_EXPRESSIONS = 1_000
MOST_ROWS = 1_048_575  # of a sheet, without the header row
SUMMARIZED = 10

# Articles, prepositions and what they contract to, pronouns, conjunctions, adverbs like "já" and "também", and the
# commonest forms of ser, estar, ter, haver and ir. "não", "muito", "mais" and "sem" are not among them: "não funciona"
# is what a reader looks for.
STOP_WORDS = frozenset((Path(__file__).parent / "stop_words.txt").read_text(encoding="utf-8").split())

_WORD = r"[^\W_]+(?:(?:[-']|(?<=\d)[.,](?=\d))[^\W_]+)*"
_BLANK = r"[^\S\n\r\v\f\x1c-\x1e\x85\u2028\u2029]"
_RUN = re.compile(f"{_WORD}(?:{_BLANK}+{_WORD})*")
_PLAIN = str.maketrans({"\u2019": "'", "\u2010": "-", "\u2011": "-"})  # typographic apostrophe and hyphens

_WHOLE_NUMBER = re.compile(r"[-+]?[0-9]{1,15}")

# What openpyxl raises for files that are no workbooks, or broken ones: it documents none of it.
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, SyntaxError)
_UNREADABLE = (*_BROKEN, ArithmeticError, AttributeError, InvalidFileException, LookupError, TypeError, ValueError)


def run(inputs: Path, outputs: Path, params: Mapping[str, Any], logger: logging.Logger) -> dict[str, Any]:
    """Writes ``ngrams.xlsx`` and answers how many comments, expressions and rows there are and the ten most cited.

    The param ``irrelevant_words`` is a list of texts, none by default; a text of several words leaves out the
    expressions that hold them side by side. ``ngram_index`` is the rank, from 1: by the number of comments, equal ones
    by the alphabet. FileNotFoundError and ValueError say what is wrong with the file or the param, and where.
    """
    irrelevant = _irrelevant_words(params)
    corpus = Corpus()
    for number, text in read_comments(inputs / INPUT_FILE):
        corpus.add(number, text)
    logger.info("Read %d comments with %d different words.", len(corpus.numbers), len(corpus.words) - 1)
    expressions = most_cited(corpus, irrelevant)
    if not expressions:
        logger.warning("No comment has an expression of two or three words.")
    rows = write_expressions(outputs / OUTPUT_FILE, corpus, expressions)
    logger.info("Wrote %d expressions in %d rows to %s.", len(expressions), rows, OUTPUT_FILE)
    return {
        "comments": len(corpus.numbers),
        "ngrams": len(expressions),
        "rows": rows,
        "most_cited": [{"ngram": each.text, "comments": each.comments} for each in expressions[:SUMMARIZED]],
    }


def _irrelevant_words(params: Mapping[str, Any]) -> list[str]:
    given = params.get("irrelevant_words")
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(word, str) for word in given):
        raise ValueError('the param "irrelevant_words" must be a list of texts, for example ["pode", "ser"]')
    words = (" ".join(normalized(word).split()) for word in given)
    return [word for word in words if word]


def normalized(text: str) -> str:
    """Lower-case, each accented letter one character, apostrophes and hyphens plain."""
    return unicodedata.normalize("NFC", text).lower().translate(_PLAIN)


class Corpus:
    """Comments as numbers, 4 bytes a word: each different word has one, 0 ends a run of words that stand side by side.

    ``numbers`` are the comments' IDs, in the order of the file.
    """

    def __init__(self) -> None:
        self.words = [""]
        self.numbers: list[int] = []
        self._indexes: dict[str, int] = {}
        self._stream = array("I")
        self._ends = array("L")

    def add(self, number: int, text: str) -> None:
        for run_of_words in _RUN.findall(normalized(text)):
            for word in run_of_words.split():
                index = self._indexes.get(word)
                if index is None:
                    index = self._indexes[word] = len(self.words)
                    self.words.append(word)
                self._stream.append(index)
            self._stream.append(0)
        self._ends.append(len(self._stream))
        self.numbers.append(number)

    def __iter__(self) -> Iterator[Sequence[int]]:
        start = 0
        for end in self._ends:
            yield self._stream[start:end]
            start = end

    def text(self, expression: tuple[int, ...]) -> str:
        return " ".join(self.words[index] for index in expression)


class Expression(NamedTuple):
    """Two or three words and the number of comments that cite them."""

    text: str
    words: tuple[int, ...]
    comments: int


def most_cited(corpus: Corpus, irrelevant: Sequence[str]) -> list[Expression]:
    """The expressions that most comments cite, in the order of their rank; at most MOST_EXPRESSIONS, and no more than
    fit into MOST_ROWS. ``irrelevant`` are normalized words, or several with one blank between them."""
    for minimum in (2, 1):
        ranked = _ranked(corpus, minimum, irrelevant)
        if ranked:
            break
    chosen, rows = [], 0
    for expression in ranked:
        rows += expression.comments
        if rows > MOST_ROWS:
            break
        chosen.append(expression)
    return chosen


def _ranked(corpus: Corpus, minimum: int, irrelevant: Sequence[str]) -> list[Expression]:
    stop_words = {index for index, word in enumerate(corpus.words) if word in STOP_WORDS}
    pairs, triples = _counted(corpus, minimum, stop_words)
    swallowed = {
        part
        for triple, comments in triples.items()
        if not _is_irrelevant(corpus.text(triple), irrelevant)
        for part in (triple[:2], triple[1:])
        if pairs.get(part) == comments
    }
    expressions = (
        Expression(text, words, comments)
        for counts in (pairs, triples)
        for words, comments in counts.items()
        if words not in swallowed and stop_words.isdisjoint((words[0], words[-1]))
        for text in (corpus.text(words),)
        if not _is_irrelevant(text, irrelevant)
    )
    return heapq.nsmallest(MOST_EXPRESSIONS, expressions, key=lambda each: (-each.comments, each.text))


def _is_irrelevant(text: str, irrelevant: Sequence[str]) -> bool:
    padded = f" {text} "
    return any(f" {words} " in padded for words in irrelevant)


def _counted(
    corpus: Corpus, minimum: int, stop_words: set[int]
) -> tuple[dict[tuple[int, ...], int], dict[tuple[int, ...], int]]:
    """How many comments have each pair and each triple of words, those of ``minimum`` and more.

    Pairs may begin and end with a stop word here, for a triple is no more frequent than its two pairs: only triples of
    frequent pairs are looked at, which keeps most of them, the bulk of all, out of memory.
    """
    pairs: Counter[tuple[int, ...]] = Counter()
    for comment in corpus:
        pairs.update({pair for pair in zip(comment, comment[1:]) if 0 not in pair})
    frequent: dict[tuple[int, ...], int] = {pair: comments for pair, comments in pairs.items() if comments >= minimum}
    del pairs
    triples: Counter[tuple[int, ...]] = Counter()
    for comment in corpus:
        triples.update(
            {
                (first, second, third)
                for first, second, third in zip(comment, comment[1:], comment[2:])
                if first not in stop_words
                and third not in stop_words
                and (first, second) in frequent
                and (second, third) in frequent
            }
        )
    return frequent, {triple: comments for triple, comments in triples.items() if comments >= minimum}


def write_expressions(file: Path, corpus: Corpus, expressions: Sequence[Expression]) -> int:
    """Writes one row for each comment that cites an expression, by rank and then in the comments' order; answers how
    many rows."""
    ranks = {expression.words: rank for rank, expression in enumerate(expressions)}
    citing = [array("L") for _ in expressions]
    for position, comment in enumerate(corpus):
        found = {ranks.get(words) for words in _windows(comment)}
        for rank in found:
            if rank is not None:
                citing[rank].append(position)
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet("ngrams")
    sheet.append(["ID", "ngram", "ngram_index"])
    for rank, (expression, positions) in enumerate(zip(expressions, citing), start=1):
        for position in positions:
            sheet.append([corpus.numbers[position], expression.text, rank])
    workbook.save(file)
    return sum(map(len, citing))


def _windows(comment: Sequence[int]) -> Iterator[tuple[int, ...]]:
    yield from zip(comment, comment[1:])
    yield from zip(comment, comment[1:], comment[2:])


def read_comments(file: Path) -> Iterator[tuple[int, str]]:
    """ID and text of each comment that is not empty, from the first sheet; its first row names the columns.

    FileNotFoundError and ValueError as ``run`` says.
    """
    if not file.is_file():
        raise FileNotFoundError(f"the inputs have no file {file.name}; they have: {_files_in(file.parent)}")
    rows = _rows(file)
    header = [str(value).strip() if value is not None else "" for value in next(rows, ())]
    number_column, text_column = (_column(file.name, header, name) for name in ("ID", "Comment"))
    for row_number, row in enumerate(rows, start=2):
        text = _cell(row, text_column)
        if text is None or not str(text).strip():
            continue
        yield _whole_number(_cell(row, number_column), f"{file.name}, row {row_number}"), str(text)


def _files_in(folder: Path) -> str:
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return (", ".join(names[:10]) or "none") + more


def _rows(file: Path) -> Iterator[Sequence[Any]]:
    """The values of each row of the first sheet, one row in memory at a time."""
    try:
        workbook = load_workbook(file, read_only=True, data_only=True)
        try:
            sheet: Any = workbook.worksheets[0]
            sheet.reset_dimensions()  # some programs write a wrong size, which would cut rows off
            yield from sheet.iter_rows(values_only=True)
        finally:
            workbook.close()
    except _UNREADABLE as error:
        raise ValueError(
            f"{file.name} cannot be read as an Excel workbook (.xlsx): {error or type(error).__name__}. "
            "Save it again as .xlsx, without a password."
        ) from error


def _column(file_name: str, header: Sequence[str], name: str) -> int:
    for index, found in enumerate(header):
        if found.casefold() == name.casefold():
            return index
    shown = ", ".join(found for found in header if found) or "nothing"
    raise ValueError(f'{file_name} has no column "{name}": the first row of its first sheet has {shown[:200]}')


def _cell(row: Sequence[Any], index: int) -> Any:
    return row[index] if index < len(row) else None


def _whole_number(value: Any, where: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    is_whole_text = isinstance(value, str) and _WHOLE_NUMBER.fullmatch(value.strip())
    if is_whole_text or (isinstance(value, float) and value.is_integer()):
        return int(value)
    raise ValueError(f"{where}: the ID must be a whole number, not {'empty' if value is None else repr(value)[:60]}")
