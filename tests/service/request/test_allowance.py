"""What the event loop may check of a body: little at once, and not for long; the answer is the same everywhere."""

from __future__ import annotations

import asyncio
import itertools
import tracemalloc
from pathlib import Path

import pytest

from service.request import rows
from service.request.allowance import LARGEST_BYTES, LONGEST_S, Allowance, TooCostly
from service.request.export_request import BadRequest, ExportRequest, parse_request
from service.request.record_checks import MAX_DEPTH
from tests.service.helpers import Gate, local, until

MANY = LARGEST_BYTES // 2


def csv(records: bytes, more: bytes = b"") -> bytes:
    """A request for a CSV file of these records."""
    return b'{"format":"csv","columns":["a"],%b"data":[%b]}' % (more, records)


def answer(body: bytes, allowance: Allowance | None) -> ExportRequest | tuple[str, str, str]:
    """What is asked for, or what is wrong, with the format and the user."""
    try:
        return parse_request(body, allowance)
    except BadRequest as error:
        return error.sentence, error.format, error.user


COSTLY = {
    "arrays in one record": csv(b'{"a":[' + b",".join([b"[]"] * MANY) + b"]}"),
    "objects in one record": csv(b'{"a":1},{"a":[' + b",".join([b"{}"] * MANY) + b"]}"),
    "a record of many keys": csv(b"{" + b",".join(b'"k%d":1' % number for number in range(MANY)) + b"}"),
    "keys of the first record of a PDF": b'{"format":"pdf","data":[{%b}]}'
    % b",".join(b'"k%d":1' % number for number in range(MANY)),
    "a text that looks like many records": csv(b'{"a":"' + b"},{" * MANY + b'"}'),
    "one key again and again": csv(b"", b'"data":[],' * (MANY // 4)),
    "a source of one key again and again": b'{"format":"csv","columns":["a"],"source":{"table":"t"%b}}'
    % (b',"limit":1' * (MANY // 4)),
    "white space around records": b'{"format":"csv","columns":["a"],%b"data":[]}' % (b" " * LARGEST_BYTES),
    "no array": b'{"format":"csv","columns":["a"],"data":"%b"}' % (b" " * LARGEST_BYTES),
    "a text of escapes": csv(b'{"a":"' + b"\\n" * MANY + b'"}'),
}
CHEAP = {
    "nested too deep": csv(b'{"a":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}"),
    "nested as deep as allowed": csv(b'{"a":' + b"[" * (MAX_DEPTH - 2) + b"]" * (MAX_DEPTH - 2) + b"}"),
    "a key twice in the last record": csv(b'{"a":1},' * MANY + b'{"a":1,"a":2}'),
    "many small records": csv(b",".join([b'{"a":1}'] * MANY)),
    "a user that is no text": b'{"format":"csv","user":[1e308]}',
    "a user and a wrong format": b'{"user":"ann\\u0061","format":"xml"}',
    "half a surrogate pair as user": b'{"format":"csv","user":"\\ud800","x":1}',
}


@pytest.mark.parametrize("body", COSTLY.values(), ids=COSTLY)
def test_what_is_too_much_at_once_is_not_checked(body: bytes) -> None:
    """However fast the machine is, for the clock stands still; without an allowance there is an answer."""
    with pytest.raises(TooCostly):
        parse_request(body, Allowance(lambda: 0.0))
    assert answer(body, None)


@pytest.mark.parametrize("body", CHEAP.values(), ids=CHEAP)
def test_the_answer_is_the_same_with_an_allowance(body: bytes) -> None:
    """Also for bodies larger than what is decoded at once."""
    assert answer(body, Allowance(lambda: 0.0)) == answer(body, None)


def test_the_check_ends_when_its_time_is_over() -> None:
    """It is asked before each slice; up to the end of its time the check goes on."""
    body = csv(b",".join([b'{"a":1}'] * MANY))
    clock = itertools.count(0.0, LONGEST_S).__next__
    with pytest.raises(TooCostly):
        parse_request(body, Allowance(clock))
    times = iter([0.0, *[LONGEST_S] * len(body)])
    assert answer(body, Allowance(times.__next__)) == answer(body, None)


@pytest.mark.parametrize("size", [LARGEST_BYTES - 1, LARGEST_BYTES, LARGEST_BYTES + 1])
def test_the_largest_slice(size: int) -> None:
    """The most that is decoded at once, just below it, and just beyond it."""
    allowance = Allowance(lambda: 0.0)
    if size > LARGEST_BYTES:
        with pytest.raises(TooCostly):
            allowance.take(size)
    else:
        allowance.take(size)


@pytest.mark.parametrize("names", [(), ("a",)])
def test_no_number_is_made_of_a_float(names: tuple[str, ...]) -> None:
    """Near the ends of the range of floats that takes a thousand times as long as to read its text."""
    decoded = rows._counted(names)(b'[{"a":1e308},{"a":5e-324},{"a":1.5}]')[1]
    assert decoded is not None
    values = [one["a"] if isinstance(one, dict) else one.c0 for one in decoded]  # type: ignore[attr-defined]
    assert [type(value) for value in values] == [int] * 3


def test_what_is_no_text_as_a_user_is_not_decoded() -> None:
    """A hundred thousand numbers in its place take no memory; the body is refused for the user."""
    body = b'{"format":"csv","user":[%b]}' % b",".join([b"1e308"] * 100_000)
    tracemalloc.start()
    try:
        found = answer(body, None)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found == ("user: expected str, got array", "csv", "anonymous")
    assert peak < 100_000


@pytest.mark.parametrize(("keys", "length"), [(rows.WIDEST + 1, 60), (2, rows.ALIKE_BYTES)])
def test_very_many_or_long_keys_are_not_kept(keys: int, length: int) -> None:
    """A decoder is kept for the keys of a first record, but not where they are too many or too long."""
    rows._alike.cache_clear()
    for sign in (b"x", b"y"):
        record = b"{" + b",".join(b'"k%d%b":1' % (number, sign * length) for number in range(keys)) + b"}"
        assert parse_request(csv(b",".join([record] * 3))).records == 3
    assert rows._alike.cache_info().currsize == 1  # the one for no keys


@pytest.mark.e2e
def test_a_costly_body_is_checked_in_another_process(tmp_path: Path) -> None:
    """Below 2 MB too; meanwhile /health answers, and the answer is that of any other body."""

    async def scene() -> None:
        gate = Gate()
        async with local(gate, exports=tmp_path) as service:
            for body, status in ((COSTLY["a text of escapes"], 200), (COSTLY["one key again and again"], 400)):
                before = len(gate.held)
                post = asyncio.create_task(service.post(body))
                await until(lambda count=before: len(gate.held) == count + 1)  # type: ignore[misc]
                async with service.session.get(f"{service.url}/health") as healthy:
                    assert healthy.status == 200
                gate.held[-1].run()
                if status == 200:
                    await until(lambda count=before: len(gate.held) == count + 2)  # type: ignore[misc]
                    gate.held[-1].run()
                assert (await post)[0] == status

    asyncio.run(scene())
