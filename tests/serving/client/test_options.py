"""What is refused before a service is asked, and what is asked of it: through the command line."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

import serving
from landcover.errors import WrongUse
from serving.cli import main
from serving.client.errors import KeyUnusable
from serving.client.server import chosen_key, server_at
from tests.service import left_in
from tests.serving.client.fakeservice import JOB, fake_service

ROOT = Path(serving.__file__).parents[1]
EXECUTION = ("POST", "/processes/classify/execution")

pytestmark = pytest.mark.usefixtures("environment")


@pytest.fixture
def service():
    with fake_service() as running:
        yield running


@pytest.fixture
def refused(service, capsys):
    """Runs a command that must fail with one line before anything is asked; answers exit code and line."""

    def run(*words):
        code = main([str(word) for word in words])
        printed = capsys.readouterr()
        assert printed.out == ""
        assert len(printed.err.splitlines()) == 1, printed.err
        assert service.fake.asked == []
        return code, printed.err

    return run


def asked(service, *words):
    """The inputs that a command asks a service for."""
    assert main([str(word) for word in words]) == 0
    body = service.fake.bodies[service.fake.asked.index(("POST", f"/processes/{words[0]}/execution"))]
    return json.loads(body)["inputs"]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--provider", "cpu"),
        ("--precision", "fp32"),
        ("--tta", "flips"),
        ("--resume", None),
        ("--work", "folder"),
    ],
)
@pytest.mark.parametrize("command", ["classify", "degradation"])
def test_options_of_this_machine(refused, service, scene, out, command, option, value):
    scenes = [scene] if command == "classify" else [scene, scene]
    given = [option] if value is None else [option, value]
    code, said = refused(command, *scenes, "-o", out / "map.tif", *given, "--server", service.url)
    assert code == 2
    assert f"{option} is for work on this machine" in said


@pytest.mark.parametrize(
    "words",
    [
        ["--tile", "33UUP"],
        ["--dates", "2020-05-01"],
        ["--max-cloud", "20"],
        ["--max-scenes", "2"],
        ["--key-file", "key"],
        ["--keep"],
        ["--dry-run"],
    ],
)
def test_options_of_a_service(refused, scene, out, words):
    code, said = refused("classify", scene, "-o", out / "map.tif", *words)
    assert code == 2
    assert f"{words[0]} is for work in a service; name it by --server URL" in said


def test_an_address_without_a_service(refused, out):
    code, said = refused("classify", "https://data.example.org/scene.tif", "-o", out / "map.tif")
    assert (code, "is fetched by a service" in said) == (2, True)


def test_no_scene(refused, service, out, scene):
    for more in ([], ["--server", service.url], ["--server", service.url, "--tile", "33UUP"]):
        code, said = refused("classify", "-o", out / "map.tif", *more)
        assert (code, "there is no scene to map" in said) == (2, True)
    code, said = refused("degradation", scene, "-o", out / "map.tif")
    assert (code, "name both" in said) == (2, True)
    code, said = refused("classify", scene)
    assert (code, "--output" in said) == (2, True)


def test_scene_and_search(refused, service, scene, out):
    words = ["-o", out / "map.tif", "--server", service.url, "--tile", "33UUP"]
    assert "leave one of them out" in refused("classify", scene, *words, "--dates", "2020-05-01")[1]
    assert "leave one of them out" in refused("degradation", scene, scene, *words)[1]


def test_scenes_that_are_not_one_file(refused, service, tmp_path, out):
    bands = tmp_path / "bands"
    bands.mkdir()
    safe = tmp_path / "S2A_MSIL1C.SAFE"
    safe.mkdir()
    (tmp_path / "text.tif").write_text("no raster")
    words = ["-o", out / "map.tif", "--server", service.url]
    for scene, advice in (
        (bands, "join the bands into one"),
        (safe, "is a SAFE product"),
        (safe / "MTD_MSIL1C.xml", "is a SAFE product"),
        (tmp_path / "absent.tif", "No such file"),
        (tmp_path / "text.tif", "is neither TIFF nor JPEG 2000"),
    ):
        code, said = refused("classify", scene, *words)
        assert (code, advice in said) == (3, True), said
    assert refused("classify", "http://data.example.org/scene.tif", *words)[0] == 2


def test_outputs_are_checked_before_anything_is_sent(refused, service, scene, out):
    words = ["--server", service.url]
    assert refused("classify", scene, "-o", out / "map.png", *words)[0] == 2
    assert refused("classify", scene, "-o", scene, *words)[0] == 2
    assert refused("classify", scene, "-o", out / "none" / "map.tif", *words)[0] == 4
    more = ["--preview", out / "p.png", "--language", "ar"]
    assert refused("classify", scene, "-o", out / "map.tif", *more, *words)[0] == 2
    assert refused("classify", scene, "-o", out / "map.tif", "--min-area", "big", *words)[0] == 2
    assert refused("classify", scene, "-o", out / "map.tif", "--model", "", *words)[0] == 2


@pytest.mark.parametrize(
    "address",
    [
        "localhost:8080",
        "ftp://host",
        "https://",
        "http://me:secret@host",
        "https://host?key=secret",
        "https://host:99999",
    ],
)
def test_addresses_that_are_none(address):
    with pytest.raises(WrongUse) as caught:
        server_at(address, None)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "[::1]", "localhost"])
def test_http_to_this_machine_may_have_a_key(host):
    server = server_at(f"http://{host}:8080/steppe/", SecretStr("key"))
    assert (server.base, server.loopback) == (f"http://{host}:8080/steppe/", True)


def test_http_to_other_machines_may_not():
    for host in ("example.org", "10.0.0.1", "127.0.0.1.example.org", "localhost.example.org"):
        with pytest.raises(KeyUnusable, match="give --server an https address"):
            server_at(f"http://{host}", SecretStr("key"))
        assert server_at(f"http://{host}", None).base == f"http://{host}/"
    assert server_at("https://example.org", SecretStr("key")).key is not None
    assert "key" not in repr(server_at("https://example.org", SecretStr("stp_key"))).replace("loopback", "")


def test_keys(tmp_path, environment, service, scene, out):
    file = tmp_path / "key"
    file.write_text("stp_of_file\n")
    words = ["classify", scene, "-o", out / "map.tif", "--server", service.url]
    asked(service, *words)
    environment.setenv("STEPPE_API_KEY", "stp_of_environment")
    asked(service, *words)
    asked(service, *words, "--key-file", file)
    shown = [headers.get("Authorization") for headers in service.fake.headers]
    assert list(dict.fromkeys(shown)) == [None, "Bearer stp_of_environment", "Bearer stp_of_file"]


def test_keys_that_are_none(tmp_path):
    for content in (b"", b"\n", b"two words", b"two\nlines", b"\xff\xfe", b"x" * 10_000):
        (tmp_path / "key").write_bytes(content)
        with pytest.raises(KeyUnusable, match="'key' holds no API key"):
            chosen_key(tmp_path / "key", None)
    with pytest.raises(KeyUnusable, match="cannot be read"):
        chosen_key(tmp_path / "absent", SecretStr("not this"))
    with pytest.raises(KeyUnusable, match="STEPPE_API_KEY holds"):
        chosen_key(None, SecretStr(" "))


def test_a_tile_and_dates(service, out):
    words = ["-o", out / "map.tif", "--server", service.url, "--tile", "33UUP", "--max-cloud", "12.5"]
    inputs = asked(service, "classify", *words, "--dates", "2020-05-01/2020-09-30", "--max-scenes", "3")
    assert "scene" not in inputs
    assert (inputs["tile"], inputs["datetime"]) == ("33UUP", "2020-05-01/2020-09-30")
    assert (inputs["max_cloud"], inputs["max_scenes"]) == (12.5, 3)


def test_an_area_to_look_in(service, out):
    words = ["-o", out / "map.tif", "--server", service.url, "--dates", "2020-05-01"]
    assert asked(service, "classify", *words, "--bbox", "14,50,14.1,50.1")["area"] == {"bbox": [14, 50, 14.1, 50.1]}


def test_addresses_of_rasters_and_items(service, out):
    hrefs = ["https://data.example.org/a.tif?signed=1", "https://stac.example.org/collections/s2/items/S2A"]
    inputs = asked(service, "classify", *hrefs, "-o", out / "map.tif", "--server", service.url)
    assert inputs["scene"] == [
        {"href": hrefs[0], "type": "image/tiff"},
        {"href": hrefs[1], "type": "application/geo+json"},
    ]


def test_two_dates(service, scene, out):
    words = [
        "-o",
        out / "map.tif",
        "--server",
        service.url,
        "--before-date",
        "2018-05-01",
        "--after-date",
        "2020-05-01",
    ]
    inputs = asked(service, "degradation", scene, scene, *words)
    assert inputs["before"]["title"] == inputs["after"]["title"] == "scene.tif"
    assert (inputs["before_datetime"], inputs["after_datetime"]) == ("2018-05-01", "2020-05-01")


def test_two_dates_of_a_tile(service, out, refused):
    words = [
        "-o",
        out / "map.tif",
        "--server",
        service.url,
        "--tile",
        "33UUP",
        "--before-date",
        "2018-05-01/2018-09-30",
    ]
    assert "--after-date" in refused("degradation", *words)[1]
    assert "one --bands" in refused("degradation", *words, "--before-bands", "B02")[1]
    inputs = asked(service, "degradation", *words, "--after-date", "2020-05-01/2020-09-30")
    assert inputs["tile"] == "33UUP"
    assert not {"before", "after"} & set(inputs)


def test_the_key_is_nowhere_to_be_seen(service, scene, out, environment, capsys):
    environment.setenv("STEPPE_API_KEY", "stp_secret")
    environment.setenv("STEPPE_SERVER_PATIENCE_S", "0")
    service.fake.steps = [{"status": "odd"}]
    assert main(["classify", str(scene), "-o", str(out / "map.tif"), "--server", service.url]) == 1
    assert "secret" not in "".join(capsys.readouterr())


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_command_dismisses_its_job(service, scene, out, number):
    service.fake.steps = [{"status": "running", "progress": 7}]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    command = [sys.executable, "-m", "serving", "classify", scene, "-o", out / "map.tif", "--server", service.url]
    with subprocess.Popen(command, cwd=ROOT, env=os.environ, stderr=subprocess.PIPE, text=True) as process:
        while ("GET", f"/jobs/{JOB}") not in service.fake.asked:
            assert process.poll() is None
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said == "steppe: interrupted, the job was dismissed, nothing was published\n"
    assert ("DELETE", f"/jobs/{JOB}") in service.fake.asked
    assert left_in(out) == []
