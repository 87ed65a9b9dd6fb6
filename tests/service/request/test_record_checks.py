"""A key that is twice in an object, and objects nested too deep: refused wherever they are and however written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.request import rows
from service.request.export_request import BadRequest, parse_request
from service.request.record_checks import MAX_DEPTH

ALIKE = rows.ALIKE_BYTES // 20
"""Records beyond which a slice is decoded by the first one's keys."""


def body_of(records: list[str]) -> bytes:
    """A CSV request for these records."""
    return f'{{"format":"csv","columns":["a"],"data":[{",".join(records)}]}}'.encode()


@pytest.mark.parametrize(
    ("record", "key"),
    [
        ('{"a":1,"b":2,"a":3}', "a"),
        ('{"a":1,"b":2,"\\u0061":3}', "a"),
        ('{"a":1,"b":2,"a" \\n\\t:3}'.replace("\\n\\t", "\n\t"), "a"),
        ('{"a":"12:30","b":2,"b":3}', "b"),
        ('{"a":{"x":1,"x":2},"b":2}', "x"),
        ('{"a":[{"x":[{"y":1,"y":1}]}],"b":2}', "y"),
        ('{"a":"\\":","b":2,"b":2}', "b"),
        ('{"a":":x","b":2,"b":2}', "b"),
        ('{"a":" :x","b":"x\\":","a":2}', "a"),
        ('{"a":1,"a":2}', "a"),
        ('{"b":1,"b":2}', "b"),
        ('{"c":1,"c":2,"b":1}', "c"),
    ],
)
@pytest.mark.parametrize("before", [0, 1, ALIKE], ids=["first", "second", "late"])
def test_a_key_twice_is_refused(record: str, key: str, before: int) -> None:
    """In the first record, the second, and behind many; the sentence names the key."""
    with pytest.raises(BadRequest) as caught:
        parse_request(body_of(['{"a":"12345678","b":2}'] * before + [record, '{"a":1,"b":2}']))
    assert caught.value.sentence == f"data: the key {key!r} is twice in one object; send it once"


@pytest.mark.parametrize(
    "record",
    [
        '{"a":1,"b":2}',
        '{"b":1,"a":2}',
        '{"a":"12:30","b":"x : y"}',
        '{"a":"\\":\\" :","b":2}',
        '{"a":{"a":1,"b":{"a":1}},"b":[{"a":1},{"a":1}]}',
        '{"a":1}',
        '{"a":1,"b":2,"c":3}',
        "{}",
        '{"a":123456789012345678901234567890,"b":1e999}',
        '{"a" : 1, "b": 2}',
    ],
)
@pytest.mark.parametrize("before", [0, ALIKE], ids=["first", "late"])
def test_other_records_are_taken(record: str, before: int) -> None:
    """Missing, further and nested keys, and colons inside texts, are no repetition."""
    records = ['{"a":"12345678","b":2}'] * before + [record, record]
    assert parse_request(body_of(records)).records == len(records)


KEYS = st.sampled_from(
    ['"a"', '"b"', '"\\u0061"', '"c:"', '"\\""', '""', '"x,"', '"y["', '"x, "', '"\\\\"', '"\\/"', '" "']
)
SPACE = st.sampled_from(["", " ", "\n\t"])


def objects(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """JSON objects, in which a key may be twice."""
    member = st.builds(lambda key, space, value: f"{key}{space}:{space}{value}", KEYS, SPACE, values)
    return st.lists(member, max_size=4).map(lambda members: "{" + ",".join(members) + "}")


TEXTS = (
    '"x"', '"a:b"', '"\\":"', '"\\\\"', '" :"', '":x"', '": "', '"\\":{"', '"{"', '"[\\":"', '",\\": "', '"\\u0022:"',
    '"\\\\\\":"', '"]]}}"', '"\\"a\\":[1]"', '"\\\\u0061\\":{"',
)  # fmt: skip
VALUES = st.recursive(
    st.sampled_from(["1", "null", "{}", "[]", *TEXTS]),
    lambda inner: objects(inner) | st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]"),
    max_leaves=6,
)


def repeated(text: str) -> bool:
    """Whether a key is twice in any object, as Python's own reader finds it."""
    found: list[bool] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        found.append(len({name for name, _ in pairs}) < len(pairs))

    json.loads(text, object_pairs_hook=look)
    return any(found)


def judge(records: list[str]) -> None:
    """Fail the test unless the service finds what Python's own reader finds."""
    body = body_of(records)
    if repeated(body.decode()):
        with pytest.raises(BadRequest, match="twice in one object"):
            parse_request(body)
    else:
        assert parse_request(body).records == len(records)


@given(records=st.lists(objects(VALUES), min_size=1, max_size=4), times=st.sampled_from([1, 1_200]))
def test_any_record(records: list[str], times: int) -> None:
    """Refused exactly where a key is twice, in few records and in many."""
    judge(records[:1] * times + records)


SPELLED = {
    "a": st.sampled_from(['"a"', '"\\u0061"', '"a" ']),
    "b c": st.sampled_from(['"b c"', '"b\\u0020c"', '"\\u0062 c"']),
    "d/e": st.sampled_from(['"d/e"', '"d\\/e"']),
}


@st.composite
def alike(draw: st.DrawFn) -> str:
    """A record with all three keys in any order and spelling, one of them perhaps twice."""
    names = draw(st.permutations([*SPELLED, *draw(st.lists(st.sampled_from(list(SPELLED)), max_size=1))]))
    return "{" + ",".join(f"{draw(SPELLED[name])}:{draw(SPACE)}{draw(VALUES)}" for name in names) + "}"


@given(records=st.lists(alike(), min_size=1, max_size=4))
def test_few_odd_records_among_many_plain_ones(records: list[str]) -> None:
    """Refused exactly where a key is twice, also where all records have the same keys and few hold objects."""
    judge(['{"a":"12345678","b c":1,"d/e":null}'] * ALIKE + records)


@pytest.mark.parametrize("text", ["", "]" * 2_000, "}" * 2_000, "[" * 2_000, '\\"[{' * 300])
@pytest.mark.parametrize("before", [0, ALIKE], ids=["first", "late"])
@pytest.mark.parametrize("integer", ["1", "1" * 5_000], ids=["plain", "endless integer"])
@pytest.mark.parametrize("key", ['"b"', '"\\u0062"', '" \\u0062\\u0009"', '"b c"'])
@pytest.mark.parametrize("deeper", [0, 1])
def test_depth_is_counted_whatever_texts_hold(text: str, before: int, integer: str, key: str, deeper: int) -> None:
    """200 levels are taken and 201 refused: brackets in texts count for nothing, neither opening nor closing ones."""
    levels = MAX_DEPTH - 2 + deeper
    record = f'{{"a":"{text}",{key}:{"[" * levels}{integer}{"]" * levels}}}'
    body = body_of([f'{{"a":"12345678",{key}:2}}'] * before + [record])
    if deeper:
        with pytest.raises(BadRequest, match="nested too deep, at most 200 levels"):
            parse_request(body)
    else:
        assert parse_request(body).records == before + 1
