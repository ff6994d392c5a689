"""What benchmarks.records asks."""

from __future__ import annotations

from quinta.core.files.record_query import Filter, Operator, RecordField, Sort

NAME, DESCRIPTION = RecordField.NAME, RecordField.DESCRIPTION


def where(field: RecordField, operator: Operator, *values: str | int | bool, negated: bool = False) -> Filter:
    return Filter(field, operator, values, negated)


ORGANIZATION, PROTOCOLS, LOCATION = RecordField.ORGANIZATION, RecordField.PROTOCOLS, RecordField.LOCATION

QUESTIONS: dict[str, tuple[tuple[Filter, ...], tuple[Sort, ...]]] = {
    "no filter": ((), ()),
    "sort -name": ((), (Sort(NAME, descending=True),)),
    "sort id": ((), (Sort(RecordField.ID),)),
    "sort description": ((), (Sort(DESCRIPTION),)),
    "sort -description": ((), (Sort(DESCRIPTION, descending=True),)),
    "sort location": ((), (Sort(LOCATION),)),
    "sort organization": ((), (Sort(ORGANIZATION),)),
    "sort -protocols": ((), (Sort(PROTOCOLS, descending=True),)),
    "sort is_public": ((), (Sort(RecordField.IS_PUBLIC),)),
    "sort -is_public, name": ((), (Sort(RecordField.IS_PUBLIC, descending=True), Sort(NAME))),
    "name exact": ((where(NAME, Operator.EXACT, "record 050000 theta"),), ()),
    "name iexact": ((where(NAME, Operator.IEXACT, "RECORD 050000 THETA"),), ()),
    "name contains, few": ((where(NAME, Operator.CONTAINS, "05000"),), ()),
    "name icontains, all": ((where(NAME, Operator.ICONTAINS, "RECORD"),), ()),
    "name icontains, all, sort -name": ((where(NAME, Operator.ICONTAINS, "RECORD"),), (Sort(NAME, descending=True),)),
    "name icontains, none": ((where(NAME, Operator.ICONTAINS, "nowhere"),), ()),
    "name startswith": ((where(NAME, Operator.STARTSWITH, "record 09"),), ()),
    "name istartswith": ((where(NAME, Operator.ISTARTSWITH, "Record 09"),), ()),
    "name endswith": ((where(NAME, Operator.ENDSWITH, "theta"),), ()),
    "name iendswith": ((where(NAME, Operator.IENDSWITH, "THETA"),), ()),
    "name in": ((where(NAME, Operator.IN, "record 000001 theta", "record 000002 sleep", "other"),), ()),
    "name gt": ((where(NAME, Operator.GT, "record 05"),), ()),
    "name lt": ((where(NAME, Operator.LT, "record 05"),), ()),
    "name range": ((where(NAME, Operator.RANGE, "record 02", "record 08"),), ()),
    "not name icontains": ((where(NAME, Operator.ICONTAINS, "THETA", negated=True),), ()),
    "id exact": ((where(RecordField.ID, Operator.EXACT, "00000000-0000-4000-8000-000000000000"),), ()),
    "id startswith": ((where(RecordField.ID, Operator.STARTSWITH, "a"),), ()),
    "description icontains, few": ((where(DESCRIPTION, Operator.ICONTAINS, "NUMBER 5000"),), ()),
    "description icontains, a tenth": ((where(DESCRIPTION, Operator.ICONTAINS, "THETA"),), ()),
    "description icontains, all": ((where(DESCRIPTION, Operator.ICONTAINS, "NUMBER"),), ()),
    "description icontains, none": ((where(DESCRIPTION, Operator.ICONTAINS, "nowhere"),), ()),
    "description contains, none": ((where(DESCRIPTION, Operator.CONTAINS, "nowhere"),), ()),
    "description icontains, sort -description": (
        (where(DESCRIPTION, Operator.ICONTAINS, "THETA"),),
        (Sort(DESCRIPTION, descending=True),),
    ),
    "description icontains, all, sort id": (
        (where(DESCRIPTION, Operator.ICONTAINS, "NUMBER"),),
        (Sort(RecordField.ID),),
    ),
    "description iendswith": ((where(DESCRIPTION, Operator.IENDSWITH, "7"),), ()),
    "description gt": ((where(DESCRIPTION, Operator.GT, "m"),), ()),
    "description isnull": ((where(DESCRIPTION, Operator.ISNULL, False),), ()),
    "description range": ((where(DESCRIPTION, Operator.RANGE, "m", "s"),), ()),
    "description istartswith": ((where(DESCRIPTION, Operator.ISTARTSWITH, "THETA"),), ()),
    "not description icontains": ((where(DESCRIPTION, Operator.ICONTAINS, "THETA", negated=True),), ()),
    "location icontains": ((where(LOCATION, Operator.ICONTAINS, "ROOM 7"),), ()),
    "location contains, none": ((where(LOCATION, Operator.CONTAINS, "nowhere"),), ()),
    "organization icontains, all": ((where(ORGANIZATION, Operator.ICONTAINS, "SUBJECTS"),), ()),
    "protocols contains, few": ((where(PROTOCOLS, Operator.CONTAINS, "/lab/00500"),), ()),
    "protocols icontains, all": ((where(PROTOCOLS, Operator.ICONTAINS, "GLOBUS"),), ()),
    "protocols icontains, none": ((where(PROTOCOLS, Operator.ICONTAINS, "NOWHERE"),), ()),
    "protocols isnull": ((where(PROTOCOLS, Operator.ISNULL, True),), ()),
    "is_public": ((where(RecordField.IS_PUBLIC, Operator.EXACT, True),), ()),
    "not is_public": ((where(RecordField.IS_PUBLIC, Operator.EXACT, True, negated=True),), ()),
    "group": ((where(RecordField.GROUPS, Operator.EXACT, 8),), ()),
    "not group": ((where(RecordField.GROUPS, Operator.EXACT, 8, negated=True),), ()),
    "groups in": ((where(RecordField.GROUPS, Operator.IN, 8, 9, 10),), ()),
    "groups gt": ((where(RecordField.GROUPS, Operator.GT, 25),), ()),
    "four at once": (
        (
            where(NAME, Operator.ICONTAINS, "RECORD"),
            where(DESCRIPTION, Operator.ICONTAINS, "THETA"),
            where(RecordField.IS_PUBLIC, Operator.EXACT, False),
            where(RecordField.GROUPS, Operator.EXACT, 8, negated=True),
        ),
        (),
    ),
    "four at once, sort -name": (
        (
            where(NAME, Operator.ICONTAINS, "RECORD"),
            where(DESCRIPTION, Operator.ICONTAINS, "NUMBER"),
            where(RecordField.IS_PUBLIC, Operator.EXACT, False),
            where(RecordField.GROUPS, Operator.GT, 3),
        ),
        (Sort(NAME, descending=True),),
    ),
}


REQUESTS = {
    "no word but limit": "limit=100",
    "offset 50,000": "limit=100&offset=50000",
    "offset 99,900": "limit=100&offset=99900",
    "page 2 of 100": "page=2&per_page=100",
    "page 100 of 100": "page=100&per_page=100",
    "sort[]=-name": "limit=100&sort[]=-name",
    "filter{description.icontains}=theta": "limit=100&filter{description.icontains}=theta",
    "the same, offset 10,000": "limit=100&offset=10000&filter{description.icontains}=theta",
    "the same, sort[]=-description": "limit=100&filter{description.icontains}=theta&sort[]=-description",
    "include[]=authgroups.*": "limit=100&include[]=authgroups.*",
    "exclude[]=description": "limit=100&exclude[]=description",
    "exclude[]=*&include[]=name": "limit=100&exclude[]=*&include[]=name",
    "filter{authgroups}=8&include[]=authgroups.*": "limit=100&filter{authgroups}=8&include[]=authgroups.*",
}
"""What is asked over HTTP: both styles of pages, and what chooses members."""
