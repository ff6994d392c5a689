"""Palavras Mais Citadas (contract vbrain 8): real workbooks in, real workbooks out. The comments here are invented."""

from __future__ import annotations

import tempfile
import zipfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.applications.loading import SHIPPED, Run, load, read_workbook, write_workbook

PACKAGE = SHIPPED / "palavras_mais_citadas"
HEADER = ("ID", "Comment")
APPLICATION = load(PACKAGE / "application.py")

Ranked = list[tuple[str, set[int]]]


@pytest.fixture
def palavras(tmp_path: Path) -> Run:
    return Run(APPLICATION, tmp_path)


def give(run: Run, *comments: Any) -> None:
    """Comments with the IDs 1, 2, …"""
    write_workbook(run.inputs / "comments.xlsx", [HEADER, *enumerate(comments, start=1)])


def ngrams(run: Run) -> list[tuple[Any, ...]]:
    header, *rows = read_workbook(run.outputs / "ngrams.xlsx")
    assert header == ("ID", "ngram", "ngram_index")
    return rows


def expressions(run: Run) -> list[str]:
    return list(dict.fromkeys(row[1] for row in ngrams(run)))


def test_expressions_are_ranked_with_one_row_for_each_comment(palavras: Run) -> None:
    give(
        palavras,
        "Atendimento muito bom, entrega rápida.",
        "A falta de água continua! Atendimento muito bom",
        "Entrega rápida e atendimento ruim",
        "Falta de água outra vez; entrega rápida.",
        None,
        "   ",
    )
    assert palavras() == {
        "comments": 4,
        "ngrams": 3,
        "rows": 7,
        "most_cited": [
            {"ngram": "entrega rápida", "comments": 3},
            {"ngram": "atendimento muito bom", "comments": 2},
            {"ngram": "falta de água", "comments": 2},
        ],
    }
    assert ngrams(palavras) == [
        (1, "entrega rápida", 1),
        (3, "entrega rápida", 1),
        (4, "entrega rápida", 1),
        (1, "atendimento muito bom", 2),
        (2, "atendimento muito bom", 2),
        (2, "falta de água", 3),
        (4, "falta de água", 3),
    ]


@pytest.mark.parametrize(
    ("comment", "found"),
    [
        ("Guarda-chuva QUEBRADO", ["guarda-chuva quebrado"]),
        ("copo d\u2019água fria", ["copo d'água fria"]),
        ("nota 3,5 estrelas", ["nota 3,5 estrelas"]),
        ("produto bom. Preço alto", ["preço alto", "produto bom"]),
        ("produto bom.Preço alto", ["preço alto", "produto bom"]),
        ("produto bom\nPreço alto", ["preço alto", "produto bom"]),
        ("produto bom (preço alto)", ["preço alto", "produto bom"]),
        ("produto bom/preço alto", ["preço alto", "produto bom"]),
        ("produto \u00a0  bom", ["produto bom"]),
        ("cafe\u0301 ruim", ["café ruim"]),
        ("não funciona", ["não funciona"]),
        ("gosto do produto", ["gosto do produto"]),
        ("o produto da loja", ["produto da loja"]),
        ("para que isso", []),
        ("produto", []),
        ("?!… -- 🙂", []),
    ],
)
def test_what_an_expression_is(palavras: Run, comment: str, found: list[str]) -> None:
    give(palavras, comment, comment)
    palavras()
    assert expressions(palavras) == found


def test_an_expression_in_one_comment_is_cited_only_where_none_is_in_two(palavras: Run) -> None:
    give(palavras, "produto bom", "preço alto")
    palavras()
    assert expressions(palavras) == ["preço alto", "produto bom"]
    give(palavras, "produto bom", "preço alto", "preço alto")
    palavras()
    assert expressions(palavras) == ["preço alto"]


def test_a_comment_that_repeats_itself_counts_once(palavras: Run) -> None:
    give(palavras, "produto bom. produto bom. produto bom", "preço alto", "preço alto")
    palavras()
    assert expressions(palavras) == ["preço alto"]


def test_two_words_stay_where_a_comment_has_them_alone(palavras: Run) -> None:
    give(palavras, "entrega muito lenta", "entrega muito lenta")
    palavras()
    assert expressions(palavras) == ["entrega muito lenta"]
    give(palavras, "entrega muito lenta", "entrega muito lenta", "muito lenta")
    palavras()
    assert expressions(palavras) == ["muito lenta", "entrega muito lenta"]


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({}, ["loja boa", "loja pode melhor"]),
        ({"irrelevant_words": None}, ["loja boa", "loja pode melhor"]),
        ({"irrelevant_words": []}, ["loja boa", "loja pode melhor"]),
        ({"irrelevant_words": ["lo", ""]}, ["loja boa", "loja pode melhor"]),
        ({"irrelevant_words": [" PODE "]}, ["loja boa"]),
        ({"irrelevant_words": ["pode  melhor"]}, ["loja boa", "loja pode"]),
        ({"irrelevant_words": ["loja boa", "melhor"]}, ["loja pode"]),
    ],
)
def test_irrelevant_words_leave_expressions_out(palavras: Run, params: dict[str, Any], found: list[str]) -> None:
    give(palavras, *["loja boa. loja pode melhor"] * 2)
    palavras(params)
    assert expressions(palavras) == found


@pytest.mark.parametrize("value", ["pode", [1], {"pode": True}, 3])
def test_irrelevant_words_must_be_a_list_of_texts(palavras: Run, value: Any) -> None:
    give(palavras, "produto bom")
    assert palavras({"irrelevant_words": ["pode"]})["ngrams"] == 1
    with pytest.raises(ValueError, match='the param "irrelevant_words" must be a list of texts'):
        palavras({"irrelevant_words": value})


def test_columns_are_found_by_name(palavras: Run) -> None:
    rows = [
        ("Data", " comment ", None, "id"),
        ("hoje", "produto bom", 5, 7),
        ("ontem", "produto bom", None, "8"),
        ("x",),
    ]
    write_workbook(palavras.inputs / "comments.xlsx", rows)
    palavras()
    assert ngrams(palavras) == [(7, "produto bom", 1), (8, "produto bom", 1)]


def test_numbers_among_the_comments_are_texts(palavras: Run) -> None:
    rows = [HEADER, (1.0, 10), (2, "nota 10"), (3, True), (4, "nota 10")]
    write_workbook(palavras.inputs / "comments.xlsx", rows)
    assert palavras()["comments"] == 4
    assert ngrams(palavras) == [(2, "nota 10", 1), (4, "nota 10", 1)]


def test_a_workbook_without_comments_gives_one_without_rows(palavras: Run) -> None:
    give(palavras)
    assert palavras() == {"comments": 0, "ngrams": 0, "rows": 0, "most_cited": []}
    assert ngrams(palavras) == []


def test_a_wrong_size_in_the_file_cuts_nothing_off(palavras: Run) -> None:
    give(palavras, "produto bom", "produto bom")
    file = palavras.inputs / "comments.xlsx"
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    sheet = members["xl/worksheets/sheet1.xml"]
    members["xl/worksheets/sheet1.xml"] = sheet.replace(b"<sheetData>", b'<dimension ref="A1:B1"/><sheetData>')
    assert members["xl/worksheets/sheet1.xml"] != sheet
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    palavras()
    assert [row[0] for row in ngrams(palavras)] == [1, 2]


def test_the_most_cited_are_kept_where_not_all_fit(tmp_path: Path) -> None:
    application = load(PACKAGE / "application.py")
    run = Run(application, tmp_path)
    give(run, *["produto bom"] * 4, *["preço alto"] * 3, *["entrega lenta"] * 2)
    application.MOST_ROWS = 8  # type: ignore[attr-defined]  # a sheet of eight rows
    assert [each["ngram"] for each in run()["most_cited"]] == ["produto bom", "preço alto"]
    application.MOST_ROWS, application.MOST_EXPRESSIONS = 9, 3  # type: ignore[attr-defined]
    assert run()["rows"] == 9
    application.MOST_EXPRESSIONS = 1  # type: ignore[attr-defined]
    assert run()["rows"] == 4


# --- what is wrong with a file is said


def test_a_missing_file_is_named_beside_those_that_are_there(palavras: Run) -> None:
    (palavras.inputs / "dados").mkdir()
    write_workbook(palavras.inputs / "dados" / "comments.xlsx", [HEADER, (1, "produto bom")])
    with pytest.raises(FileNotFoundError) as failure:
        palavras()
    assert str(failure.value) == "the inputs have no file comments.xlsx; they have: dados/comments.xlsx"
    (palavras.inputs / "dados" / "comments.xlsx").rename(palavras.inputs / "comments.xlsx")
    assert palavras()["ngrams"] == 1


@pytest.mark.parametrize("damage", ["text", "empty", "cut", "other zip"])
def test_a_file_that_is_no_workbook_is_said_so(palavras: Run, damage: str) -> None:
    give(palavras, "produto bom")
    assert palavras()["ngrams"] == 1
    file = palavras.inputs / "comments.xlsx"
    if damage == "other zip":
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("a.txt", "a")
    else:
        whole = file.read_bytes()
        file.write_bytes({"text": b"ID;Comment\n1;bom", "empty": b"", "cut": whole[: len(whole) // 2]}[damage])
    with pytest.raises(ValueError, match=r"^comments\.xlsx cannot be read as an Excel workbook \(\.xlsx\): .*password"):
        palavras()


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (
            [("ID", "Texto")],
            'comments.xlsx has no column "Comment": the first row of its first sheet has ID, Texto',
        ),
        ([("Comment",)], 'comments.xlsx has no column "ID": the first row of its first sheet has Comment'),
        ([], 'comments.xlsx has no column "ID": the first row of its first sheet has nothing'),
        ([HEADER, (1, "a"), ("x1", "b")], "comments.xlsx, row 3: the ID must be a whole number, not 'x1'"),
        ([HEADER, (None, "a")], "comments.xlsx, row 2: the ID must be a whole number, not empty"),
        ([HEADER, (1.5, "a")], "comments.xlsx, row 2: the ID must be a whole number, not 1.5"),
        ([HEADER, (True, "a")], "comments.xlsx, row 2: the ID must be a whole number, not True"),
    ],
)
def test_what_is_wrong_in_a_workbook_is_said_with_its_place(palavras: Run, rows: list[Any], sentence: str) -> None:
    write_workbook(palavras.inputs / "comments.xlsx", rows)
    with pytest.raises(ValueError, match=r"comments\.xlsx") as failure:
        palavras()
    assert str(failure.value) == sentence
    assert list(palavras.outputs.iterdir()) == []


def test_a_row_without_a_comment_needs_no_id(palavras: Run) -> None:
    write_workbook(palavras.inputs / "comments.xlsx", [HEADER, (1, "produto bom"), (None, None), ("total", "")])
    assert palavras()["comments"] == 1


# --- the same as counted by hand

words = st.sampled_from(["produto", "bom", "entrega", "lenta", "não", "de", "a"])
runs_of_words = st.lists(words, min_size=1, max_size=5)
corpora = st.lists(st.lists(runs_of_words, min_size=1, max_size=3), max_size=8)


def counted_by_hand(corpus: list[list[list[str]]], irrelevant: set[str]) -> Ranked:
    citing: dict[str, set[int]] = defaultdict(set)
    for number, comment in enumerate(corpus, start=1):
        for run in comment:
            for size in (2, 3):
                for start in range(len(run) - size + 1):
                    expression = run[start : start + size]
                    if not {expression[0], expression[-1]} & {"de", "a"} and not irrelevant & set(expression):
                        citing[" ".join(expression)].add(number)
    least = 2 if any(len(comments) > 1 for comments in citing.values()) else 1
    cited = {text: comments for text, comments in citing.items() if len(comments) >= least}
    longer = {text: comments for text, comments in cited.items() if text.count(" ") == 2}
    kept = {
        text: comments
        for text, comments in cited.items()
        if text in longer or not any(f" {text} " in f" {long} " and comments == longer[long] for long in longer)
    }
    return sorted(kept.items(), key=lambda item: (-len(item[1]), item[0]))


@settings(deadline=None, max_examples=60)
@given(corpus=corpora, irrelevant=st.sets(words, max_size=2), ends=st.sampled_from([". ", "\n", ", ", "! "]))
def test_expressions_are_those_counted_by_hand(corpus: list[list[list[str]]], irrelevant: set[str], ends: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = Run(APPLICATION, Path(folder))
        give(run, *(ends.join(" ".join(run_of_words) for run_of_words in comment) for comment in corpus))
        run({"irrelevant_words": sorted(irrelevant)})
        expected = [
            (number, text, rank)
            for rank, (text, comments) in enumerate(counted_by_hand(corpus, irrelevant), start=1)
            for number in sorted(comments)
        ]
        assert ngrams(run) == expected
