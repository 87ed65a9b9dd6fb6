"""Who may ask: names, origins, a token."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.service.helpers import Running, encoded, running, sample

pytestmark = pytest.mark.e2e

TOKEN = "a-token-of-enough-letters"
BODY = encoded(format="csv", columns=["a"], data=[{"a": 1}])


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:99", "[::1]:4001", "127.1.2.3", "LOCALHOST."])
def test_names_of_this_machine_are_allowed(shared: Running, host: str) -> None:
    """However a loopback address is written."""
    assert shared.get("/health", Host=host).status == 200
    assert shared.get("/health", Origin=f"http://{host}").status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.1", "[", ""]
)
def test_other_hosts_are_403(shared: Running, host: str) -> None:
    """A name that somebody else's DNS points here is refused, in the contract's shape."""
    answer = shared.get("/export/status", Host=host)
    assert (answer.status, answer.json()["success"]) == (403, False)
    assert answer.json()["error"].startswith("Host:")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://[", "file://"])
def test_a_page_of_another_origin_can_not_start_an_export(shared: Running, origin: str) -> None:
    """A browser names the page's origin with every POST to another one."""
    files = sorted(shared.exports.iterdir())
    answer = shared.post(BODY, Origin=origin)
    assert (answer.status, answer.json()["error"].startswith("Origin:")) == (403, True)
    assert sorted(shared.exports.iterdir()) == files


def test_further_names_can_be_allowed(tmp_path: Path) -> None:
    """--allow-host names what a proxy in front is called."""
    with running("--allow-host", "Exports.example", exports=tmp_path / "e") as service:
        assert service.post(BODY, Host="exports.example:443", Origin="https://exports.example").status == 200
        assert service.post(BODY, Host="evil.example").status == 403


@pytest.mark.parametrize("by", ["environment", "file"])
def test_a_token_is_asked_for_everywhere_but_at_health(
    tmp_path: Path, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """401 without it and with a wrong one, 200 with it; /health stays open, and a refusal counts no user."""
    (tmp_path / "token").write_text(TOKEN + "\n")
    arguments = ["--token-file", str(tmp_path / "token")] if by == "file" else []
    if by == "environment":
        monkeypatch.setenv("EXPORT_TOKEN", TOKEN)
    with running(*arguments, exports=tmp_path / "e") as service:
        assert service.get("/health").status == 200
        for header in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
            for path in ("/export/status", "/export/metrics", "/openapi.json", "/export/files/export_1_aaaaaaaaa.csv"):
                answer = service.get(path, **header)
                assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
            assert service.post(BODY, **header).status == 401
        assert service.post(BODY, Authorization=f"Bearer {TOKEN}").status == 200
        page = service.get("/export/metrics", Authorization=f"bearer {TOKEN}").body.decode()
        assert sample(page, "export_requests_total", status="rejected") == 0


def test_an_open_address_without_a_token_is_warned_of(tmp_path: Path) -> None:
    """Listening on all addresses: Host is not checked, and the log says who can export."""
    with running("--host", "0.0.0.0", exports=tmp_path / "e") as service:
        assert service.event["event"] == "warning"
        assert "--token-file" in service.event["message"]
        assert service.process.stderr is not None
        url = json.loads(service.process.stderr.readline())["url"].replace("0.0.0.0", "127.0.0.1")
        service.url = url
        assert service.get("/health", Host="exports.example").status == 200
