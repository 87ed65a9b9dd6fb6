"""limit and offset of a source: whole numbers as JSON Schema has them, however they are written."""

from __future__ import annotations

import pytest

from service.request.export_request import BadRequest, parse_request

LARGEST = 2**63 - 1


def body_of(name: str, number: str) -> bytes:
    """A request with this number, as text."""
    return f'{{"format":"csv","columns":["a"],"source":{{"table":"t","{name}":{number}}}}}'.encode()


@pytest.mark.parametrize("name", ["limit", "offset"])
@pytest.mark.parametrize(
    ("number", "value"),
    [("0", 0), ("-0.0", 0), ("10", 10), ("10.0", 10), ("1e1", 10), ("9e18", 9 * 10**18), (str(LARGEST), LARGEST)],
)
def test_a_whole_number_is_taken(name: str, number: str, value: int) -> None:
    """10.0 and 1e1 are 10; what is kept is an integer."""
    source = parse_request(body_of(name, number)).source
    kept = getattr(source, name)
    assert (kept, type(kept)) == (value, int)


@pytest.mark.parametrize("name", ["limit", "offset"])
@pytest.mark.parametrize(
    "number", ["-1", "-1.0", "1.5", str(LARGEST + 1), "9223372036854775808.0", "1e999", '"1"', "true"]
)
def test_any_other_number_is_refused(name: str, number: str) -> None:
    """The sentence names the field and the bounds."""
    with pytest.raises(BadRequest) as caught:
        parse_request(body_of(name, number))
    assert caught.value.sentence == f"source.{name}: must be a whole number from 0 to {LARGEST}"
