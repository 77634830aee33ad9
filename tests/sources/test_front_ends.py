"""Real servers: nginx with a password and over TLS, devpi-server, pypiserver."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from packaging.utils import NormalizedName

from tests.sources.conftest import new_client
from tests.support.certificates import make_authority
from tests.support.nginx import free_port, nginx, running
from tests.support.wheels import make_wheel
from vinstall.cache.files import Cache
from vinstall.errors import NetworkError
from vinstall.formats.simple_api import ProjectPage
from vinstall.net.client import HttpClient
from vinstall.net.network_settings import NetworkSettings, TrustSettings
from vinstall.sources.chain_builder import SourceChoice, build_chain
from vinstall.sources.file_reader import CachedFileReader

DEMO = NormalizedName("demo")
SIZE = 6_000_000


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """A static index of one project with one large wheel."""
    root = tmp_path / "root"
    wheel = make_wheel(
        root / "files",
        label="cu13",
        variant_json={"variants": {}},
        files={"demo/data": random.Random(0).randbytes(SIZE)},
    )
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    page = root / "simple/demo/index.html"
    page.parent.mkdir(parents=True)
    page.write_text(f'<a href="../../files/{wheel.name}#sha256={digest}">{wheel.name}</a>')
    return root


def read_everything(url: str, client: HttpClient, cache: Cache) -> ProjectPage:
    """Page, metadata and wheel, as an installation asks for them."""
    chain = build_chain(SourceChoice(index_url=url), base=Path("/"), client=client, cache=cache)
    (page,) = chain.pages(DEMO)
    assert chain.pages(NormalizedName("no-such-project")) == ()
    reader = CachedFileReader(client, cache)
    wheel = next(file for file in page.files if file.filename.endswith(".whl"))
    assert reader.core_metadata(wheel).startswith(b"Metadata-Version")
    fetched = reader.download(wheel)
    assert wheel.hashes == () or wheel.hashes == (("sha256", fetched.sha256),)
    assert fetched.path.name == wheel.filename
    return page


class TestNginx:
    def test_a_password_ranges_and_not_modified(
        self, index: Path, tmp_path: Path, cache: Cache
    ) -> None:
        work = tmp_path / "nginx"
        work.mkdir()
        with nginx(index, work, auth=("user", "s3cret")) as url:
            with_login = url.replace("//", "//user:s3cret@") + "/simple/"
            page = read_everything(with_login, new_client(), cache)
            assert page.source == url + "/simple/"
            reader = CachedFileReader(new_client(), Cache(tmp_path / "other"))
            with pytest.raises(NetworkError) as caught:
                reader.core_metadata(page.files[0])
            assert caught.value.message == "`127.0.0.1` wants a login: 401 Unauthorized"
            client = new_client()
            choice = SourceChoice(index_url=with_login, refresh=True)
            again = build_chain(choice, base=tmp_path, client=client, cache=cache)
            assert again.pages(DEMO) == (page,)
        log = [line.split('"')[1:3] for line in (work / "access.log").read_text().splitlines()]
        statuses = [(request.split()[1], status.split()[0]) for request, status in log]
        wheel = f"/files/{page.files[0].filename}"
        assert statuses == [
            ("/simple/demo/", "200"),
            ("/simple/no-such-project/", "404"),
            (wheel, "206"),
            (wheel, "200"),
            (wheel, "401"),
            ("/simple/demo/", "304"),
        ]

    def test_a_private_authority(self, index: Path, tmp_path: Path, cache: Cache) -> None:
        work = tmp_path / "nginx"
        work.mkdir()
        authority = make_authority(tmp_path)
        trust = TrustSettings(cert=authority.certificate)
        with nginx(index, work, certificate=authority.server) as url:
            client = HttpClient(NetworkSettings(trust=trust), environ={})
            read_everything(url + "/simple/", client, cache)
            with pytest.raises(NetworkError) as caught:
                read_everything(url + "/simple/", new_client(), Cache(None))
        assert caught.value.message == (
            "the certificate of `127.0.0.1` is not trusted: unable to get local issuer certificate"
        )


@pytest.mark.slow
class TestPypiserver:
    def test_a_folder_of_wheels_with_a_variant(self, tmp_path: Path, cache: Cache) -> None:
        pytest.importorskip("pypiserver")
        wheel = make_wheel(tmp_path / "packages")
        port = free_port()
        process = subprocess.Popen(
            [sys.executable, "-m", "pypiserver", "run", "-p", str(port), "-i", "127.0.0.1",
             "-a", ".", "-P", ".", "--disable-fallback", str(wheel.parent)],
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        with running(process, port):
            page = read_everything(f"http://127.0.0.1:{port}/simple/", new_client(), cache)
        assert [file.filename for file in page.files] == [wheel.name]


@pytest.mark.slow
class TestDevpi:
    def test_an_index_of_ones_own(self, tmp_path: Path, cache: Cache) -> None:
        pytest.importorskip("devpi_server")
        wheel = make_wheel(tmp_path / "packages", files={"demo/data": b"0" * 1000})
        port, folder = free_port(), tmp_path / "devpi"
        scripts = Path(sys.executable).parent
        subprocess.run(
            [scripts / "devpi-init", "--serverdir", folder, "--no-root-pypi"],
            check=True,
            capture_output=True,
        )
        process = subprocess.Popen(
            [scripts / "devpi-server", "--serverdir", folder, "--host", "127.0.0.1",
             "--port", str(port), "--offline-mode"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        with running(process, port):
            url = f"http://127.0.0.1:{port}"
            upload(url, wheel)
            page = read_everything(f"{url}/root/dev/+simple/", new_client(), cache)
        assert [file.filename for file in page.files] == [wheel.name]
        assert page.files[0].hashes[0][0] == "sha256"


def upload(url: str, wheel: Path) -> None:
    """Make the index `root/dev` and put one wheel into it."""
    login = httpx.post(f"{url}/+login", json={"user": "root", "password": ""}, timeout=30)
    token = login.raise_for_status().json()["result"]["password"]
    with httpx.Client(headers={"X-Devpi-Auth": _basic("root", token)}, timeout=30) as session:
        session.put(f"{url}/root/dev", json={"type": "stage", "bases": []}).raise_for_status()
        fields = {
            ":action": "file_upload",
            "name": "demo",
            "version": "1.0",
            "metadata_version": "2.1",
        }
        content = (wheel.name, wheel.read_bytes(), "application/zip")
        session.post(f"{url}/root/dev/", data=fields, files={"content": content}).raise_for_status()


def _basic(user: str, password: str) -> str:
    import base64

    return base64.b64encode(f"{user}:{password}".encode()).decode()
