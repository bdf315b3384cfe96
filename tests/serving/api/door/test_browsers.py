"""Hosts, origins, formats and what answers tell browsers."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest
from starlette.testclient import TestClient

from serving.api.app import create_app
from serving.api.door.server import DoorConfig
from tests.service import make_settings
from tests.serving.api.check import check_problem
from tests.serving.api.live import live, quiet

SITE = "https://maps.example.org"


@pytest.fixture(scope="module")
def server(tmp_path_factory, folders):
    quiet()
    settings = make_settings(tmp_path_factory.mktemp("live"), *folders)
    with live(create_app(settings), settings) as server:
        yield server


@pytest.fixture
def opened(tmp_path, folders):
    settings = make_settings(tmp_path, *folders, cors_origins=SITE, hosts="steppe.example.org,other.example.org")
    with TestClient(create_app(settings), base_url="http://steppe.example.org") as client:
        yield client


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "LOCALHOST:8080", "[::1]:8080", "localhost.", "x.localhost"]
)
def test_names_of_this_machine(server, host):
    assert server.get("/livez", f"X-Nothing: {host}").status == 200
    assert server.talk(f"GET /livez HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()).status == 200


def test_a_page_that_leads_its_own_name_here(server):
    answer = server.talk(b"GET /models HTTP/1.1\r\nHost: rebound.example.org\r\n\r\n")
    assert (answer.status, answer.slug) == (421, "wrong-host")


@pytest.mark.parametrize(
    "head", ["", "Host: a\r\nHost: b\r\n", "Host: a b\r\n", "Host: http://x\r\n", "Host: \r\n", "Host: a@b\r\n"]
)
def test_no_host_or_several(server, head):
    answer = server.talk(f"GET /livez HTTP/1.1\r\n{head}\r\n".encode())
    assert (answer.status, answer.slug) == (400, "malformed-request")


def test_only_known_names(opened):
    assert opened.get("/livez").status_code == 200
    assert opened.get("/livez", headers={"Host": "OTHER.example.org:8443"}).status_code == 200
    check_problem(opened.get("/livez", headers={"Host": "evil.example.org"}), 421, "wrong-host", "evil")


def test_closed_to_other_sites_by_default(client):
    response = client.get("/models", headers={"Origin": SITE})
    assert not [name for name in response.headers if name.startswith("access-control")]
    asked = {"Origin": SITE, "Access-Control-Request-Method": "POST"}
    assert client.options("/classify", headers=asked).status_code == 405


@pytest.mark.parametrize("origin", [SITE, "null", "http://testserver:81", "http://testserver.evil.org"])
def test_a_form_on_another_site(client, body, origin):
    for headers in ({"Origin": origin}, {"Origin": origin, "Sec-Fetch-Site": "cross-site"}):
        check_problem(client.post("/classify", content=body, headers=headers), 403, "cross-origin", "evil")
    assert client.post("/classify", content=body, headers={"Origin": "http://testserver"}).status_code == 200


def test_opened_for_a_site(opened):
    response = opened.get("/models", headers={"Origin": SITE})
    assert response.headers["access-control-allow-origin"] == SITE
    assert "access-control-allow-credentials" not in response.headers
    assert response.headers["vary"] == "Origin"
    asked = {"Origin": SITE, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key"}
    response = opened.options("/classify", headers=asked)
    assert (response.status_code, response.content) == (204, b"")
    assert "X-API-Key" in response.headers["access-control-allow-headers"]
    response = opened.post("/classify", content=b"x", headers={"Origin": SITE})
    check_problem(response, 415, "raster-unreadable")
    assert response.headers["access-control-allow-origin"] == SITE
    for other in ("https://evil.example.org", f"{SITE}.evil.org", "null"):
        response = opened.get("/models", headers={"Origin": other})
        assert "access-control-allow-origin" not in response.headers
        assert opened.options("/classify", headers=asked | {"Origin": other}).status_code == 405


def test_answers_are_safe_in_browsers(client):
    for path in ("/", "/livez", "/models", "/nothing", "/problems/busy"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


def test_the_documentation_runs_its_own_scripts_only(client):
    response = client.get("/docs", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    policy = response.headers["content-security-policy"]
    scripts = re.findall(r"<script>(.*?)</script>", response.text, re.DOTALL)
    assert scripts
    for script in scripts:
        assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() in policy
    assert "script-src https://cdn.jsdelivr.net 'sha256-" in policy
    assert "unsafe-inline" not in policy.split("style-src")[0]


@pytest.mark.parametrize("accept", ["image/png", "text/html", "nonsense", ";,;", "application/json;q=0"])
def test_formats_that_are_not_made(client, accept):
    check_problem(client.get("/models", headers={"Accept": accept}), 406, "not-acceptable")


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html, */*;q=0.1", "application/*"])
def test_formats_that_are(client, accept):
    assert client.get("/models", headers={"Accept": accept}).status_code == 200
    assert client.get("/nothing", headers={"Accept": "image/png"}).status_code == 404


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_no_header_changes_the_method(client, name):
    assert client.get("/livez", headers={name: "DELETE"}).status_code == 200


def test_compressed_bodies(client, body):
    for coding in ("gzip", "br", "identity, gzip"):
        response = client.post("/classify", content=body, headers={"Content-Encoding": coding})
        assert "Content-Encoding" in check_problem(response, 415, "media-type")


def test_the_server_says_little_about_itself(settings):
    options = DoorConfig(create_app(settings), settings, log_config=None)
    assert (options.server_header, options.access_log, options.ws, options.proxy_headers) == (
        False,
        False,
        "none",
        False,
    )
