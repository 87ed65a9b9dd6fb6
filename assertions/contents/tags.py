"""The bytes that one request sent: its case's body template, with the request's own tag and user in it. Pure.

Load generators and file checks both make these bytes here, so that what was sent and what is expected can't differ.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

TAG_PLACEHOLDER: Final = "TAG0000000"
"""Stands in a template wherever a request's tag goes, and is as long as a tag."""
USER: Final = "loadtests"
"""The `user` of a template."""
MOST_SPLIT_BYTES: Final = 32 * 1024 * 1024
"""Larger templates are not kept in pieces: a million pieces cost as much memory as the body itself."""
_USER_PAIR: Final = b'"user":"%s"'


def tagged(template: bytes, tag: str | None, user: str | None = None) -> bytes:
    """Return the template as one request sends it; a tag must be as long as the placeholder (ValueError).

    user: sent instead of the template's; None: the template's.
    """
    if tag is not None and (len(tag) != len(TAG_PLACEHOLDER) or not tag.isascii()):
        raise ValueError(f"a tag is {len(TAG_PLACEHOLDER)} ASCII characters, not {tag!r}")
    small = len(template) <= MOST_SPLIT_BYTES
    first, *others = _around_tags(template) if small and tag is not None else (template,)
    if user is not None and user != USER:  # the user precedes all tags
        first = first.replace(_USER_PAIR % USER.encode(), _USER_PAIR % user.encode(), 1)
    if tag is None:
        return first
    return tag.encode().join([first, *others]) if small else first.replace(TAG_PLACEHOLDER.encode(), tag.encode())


def user_of(template: bytes, user: str | None) -> str | None:
    """Return the user that `tagged` puts into a template's body; None: the template's own user stays."""
    if user is None or user == USER:
        return None
    return user if _USER_PAIR % USER.encode() in template.partition(TAG_PLACEHOLDER.encode())[0] else None


@lru_cache(maxsize=32)
def _around_tags(template: bytes) -> tuple[bytes, ...]:
    """Return the pieces between placeholders: joining the pieces takes a tenth of the time of another search."""
    return tuple(template.split(TAG_PLACEHOLDER.encode()))
