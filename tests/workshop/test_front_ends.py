"""Indexes made here, behind the servers people run."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.wheels import make_wheel
from tests.workshop.installers import label_of, uv_install, vinstall_install
from vinstall.formats.variant_json import parse_property
from vinstall.workshop.index_access import PageForm, ServerAccess
from vinstall.workshop.index_build import build_index
from vinstall.workshop.index_check import check_index
from vinstall.workshop.repack import make_variant
from vinstall.workshop.serve import JSON_TYPE, serve_index
from vinstall.workshop.variant_definition import define, wheel_table

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "publish-variants.md"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A project with a label every host supports, a `null` wheel and a plain one."""
    folder = tmp_path / "site"
    plain = make_wheel(folder)
    prop = parse_property("openmp :: provider :: gnu")
    definition = define((), (prop,))
    make_variant(plain, folder, table=wheel_table(definition, "gomp", (prop,)))
    make_variant(plain, folder, table=wheel_table(definition, "null"))
    build_index(folder)
    return folder


def labels(url: str, target: Path, requirement: str = "demo") -> tuple[str | None, str | None]:
    """Which of the wheels uv takes, and which vinstall."""
    uv_install(url, target / "uv", requirement)
    vinstall_install(url, target / "vinstall", requirement)
    return label_of(target / "uv"), label_of(target / "vinstall")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextlib.contextmanager
def running(command: list[str], port: int, seconds: float = 60) -> Iterator[None]:
    """A server process, from its first answer to the end of the block."""
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        deadline = time.monotonic() + seconds
        while True:
            assert process.poll() is None, process.stderr and process.stderr.read()
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            assert time.monotonic() < deadline, f"{command[0]} does not answer"
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(20)


def fetch(url: str, accept: str) -> PageForm | None:
    request = urllib.request.Request(url, headers={"Accept": accept})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return PageForm(answer.url, "json" in answer.headers["Content-Type"], answer.read())
    except urllib.error.HTTPError:
        return None


@pytest.mark.uv
class TestNginx:
    """The configuration is the one the how-to page shows."""

    @pytest.fixture
    def url(self, site: Path, tmp_path: Path) -> Iterator[str]:
        program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
        if program is None:
            pytest.skip("nginx is not here")
        (block,) = re.findall(r"```nginx\n(.*?)```", HOW_TO.read_text(), re.DOTALL)
        port = free_port()
        block = block.replace("127.0.0.1:8080", f"127.0.0.1:{port}").replace("/srv/site", str(site))
        places = "".join(
            f"{name}_temp_path {tmp_path}/nginx-{name};"
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        site.parent.chmod(0o755)
        user = "user root;" if os.geteuid() == 0 else ""
        configuration = tmp_path / "nginx.conf"
        configuration.write_text(
            f"daemon off; {user} pid {tmp_path}/nginx.pid; error_log stderr; events {{}}\n"
            f"http {{ access_log off; {places}\n{block}\n}}\n"
        )
        with running([program, "-c", str(configuration), "-p", str(tmp_path)], port):
            yield f"http://127.0.0.1:{port}/simple/"

    def test_uv_installs_the_variant(self, url: str, tmp_path: Path) -> None:
        assert labels(url, tmp_path / "target") == ("gomp", "gomp")

    def test_it_keeps_every_rule_in_both_forms(self, url: str) -> None:
        html, js = fetch(url + "demo/", "text/html"), fetch(url + "demo/", JSON_TYPE)
        assert html is not None
        assert js is not None
        assert (html.is_json, js.is_json) == (False, True)
        assert check_index(ServerAccess(url, fetch)).faults == ()

    def test_the_state_of_the_build_is_not_served(self, url: str) -> None:
        assert fetch(url.replace("simple/", ".vinstall-index.json"), "*/*") is None


@pytest.mark.uv
@pytest.mark.slow
@pytest.mark.skipif(
    "VINSTALL_TEST_SCALE" not in os.environ, reason="devpi starts slowly; set VINSTALL_TEST_SCALE"
)
class TestDevpi:
    @pytest.fixture
    def devpi(self, tmp_path: Path) -> Iterator[str]:
        beside = Path(sys.executable).with_name("devpi-server")
        program = str(beside) if beside.exists() else shutil.which("devpi-server")
        if program is None:
            pytest.skip("devpi-server is not here")
        folder, port = str(tmp_path / "devpi"), free_port()
        init = Path(program).with_name("devpi-init")
        command = [str(init), "--serverdir", folder, "--no-root-pypi"]
        subprocess.run(command, check=True, capture_output=True)
        with running([program, "--serverdir", folder, "--port", str(port)], port):
            yield f"http://127.0.0.1:{port}/"

    @staticmethod
    def ask(
        url: str, method: str, document: dict[str, object], token: str = ""
    ) -> dict[str, object]:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if token:
            headers["X-Devpi-Auth"] = token
        request = urllib.request.Request(
            url, json.dumps(document).encode(), headers=headers, method=method
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return dict(json.loads(answer.read()))

    def token(self, devpi: str) -> str:
        import base64

        login = self.ask(devpi + "+login", "POST", {"user": "root", "password": ""})
        result = login["result"]
        assert isinstance(result, dict)
        return base64.b64encode(f"root:{result['password']}".encode()).decode()

    def test_uploaded_wheels_install(self, devpi: str, site: Path, tmp_path: Path) -> None:
        """devpi keeps no index file: vinstall reads the wheels, uv takes the plain one by name."""
        token = self.token(devpi)
        self.ask(devpi + "root/dev", "PUT", {"type": "stage", "bases": []}, token)
        for wheel in sorted(site.glob("*.whl")):
            upload(devpi + "root/dev/", wheel, token)
        simple = devpi + "root/dev/+simple/"
        assert labels(simple, tmp_path / "named") == (None, "gomp")
        page = fetch(simple + "demo/", "text/html")
        assert page is not None
        links = re.findall(r'href="([^"#]+)', page.body.decode())
        urls = [urllib.parse.urljoin(page.url, link) for link in links]
        found = {
            labels(simple, tmp_path / str(number), f"demo @ {url}")
            for number, url in enumerate(urls)
        }
        assert found == {(None, None), ("null", "null"), ("gomp", "gomp")}

    def test_a_mirror_of_a_static_index_installs_the_variant(
        self, devpi: str, site: Path, tmp_path: Path
    ) -> None:
        token = self.token(devpi)
        with serve_index(site).running() as url:
            mirror: dict[str, object] = {"type": "mirror", "mirror_url": url}
            self.ask(devpi + "root/mirror", "PUT", mirror, token)
            found = labels(devpi + "root/mirror/+simple/", tmp_path / "target")
        assert found == ("gomp", "gomp")


def upload(url: str, wheel: Path, token: str) -> None:
    """What twine sends, in short."""
    boundary = uuid.uuid4().hex
    fields = {":action": "file_upload", "name": "demo", "version": "1.0", "filetype": "bdist_wheel"}
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    disposition = f'form-data; name="content"; filename="{wheel.name}"'
    head = f"--{boundary}\r\nContent-Disposition: {disposition}\r\n\r\n"
    body = "".join(parts).encode() + head.encode() + wheel.read_bytes()
    body += f"\r\n--{boundary}--\r\n".encode()
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "X-Devpi-Auth": token}
    request = urllib.request.Request(url, body, headers=headers, method="POST")
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 200
