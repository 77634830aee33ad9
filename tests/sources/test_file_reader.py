"""Metadata and bytes of files, whatever scheme they have."""

from __future__ import annotations

import hashlib
import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.sources.conftest import Clock, Heard, new_client
from tests.support.server import Reply, Route, serving
from tests.support.wheels import make_wheel
from vinstall.cache.files import Cache
from vinstall.errors import FormatError, HashMismatch, NetworkError, SourceError
from vinstall.formats.simple_api import RemoteFile
from vinstall.net.response import OfflineError
from vinstall.sources.file_reader import CachedFileReader

VARIANT = {"$schema": "x", "variants": {"cu13": {}}}
SIDECAR = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nSummary: from the sidecar\n"


def reader(
    cache: Cache,
    *,
    observer: Heard | None = None,
    clock: Clock | None = None,
    offline: bool = False,
    refresh: bool = False,
) -> CachedFileReader:
    """As another run would have it."""
    return CachedFileReader(
        new_client(offline=offline),
        cache,
        observer=observer,
        refresh=refresh,
        now=clock or Clock(),
    )


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    files = {"demo/data.bin": random.Random(0).randbytes(600_000)}
    return make_wheel(tmp_path / "wheels", label="cu13", variant_json=VARIANT, files=files)


def remote(url: str, wheel: Path, *, hashed: bool = True, **fields: object) -> RemoteFile:
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    file = RemoteFile(wheel.name, f"{url}/{wheel.name}", (("sha256", digest),) if hashed else ())
    return file._replace(**fields)  # type: ignore[arg-type]


class TestTail:
    @pytest.mark.parametrize("hashed", [True, False])
    def test_one_small_read_gives_both_files(self, cache: Cache, wheel: Path, hashed: bool) -> None:
        with serving(wheel.parent) as server:
            file = remote(server.url, wheel, hashed=hashed)
            one = reader(cache)
            assert one.core_metadata(file).startswith(b"Metadata-Version: 2.1\nName: demo\n")
            assert one.variant_metadata(file) == b'{"$schema": "x", "variants": {"cu13": {}}}'
            assert [request.range for request in server.requests] == ["bytes=-131072"]
            assert reader(cache).variant_metadata(file) == one.variant_metadata(file)
            assert reader(cache).core_metadata(file) == one.core_metadata(file)
            assert len(server.requests) == 1

    def test_a_wheel_without_variant_json(self, cache: Cache, tmp_path: Path) -> None:
        plain = make_wheel(tmp_path / "wheels")
        with serving(plain.parent) as server:
            file = remote(server.url, plain)
            assert reader(cache).variant_metadata(file) is None
            assert reader(cache).variant_metadata(file) is None
        assert len(server.requests) == 1

    def test_a_server_without_ranges_sends_the_whole_wheel_once(
        self, cache: Cache, wheel: Path, heard: Heard
    ) -> None:
        with serving(wheel.parent, ranges=False) as server:
            file = remote(server.url, wheel)
            assert reader(cache, observer=heard).variant_metadata(file) is not None
            assert reader(cache).download(file).from_cache
        assert len(server.requests) == 2  # the attempt, and the wheel
        assert heard.details == [f"`{wheel.name}` is read as a whole: no parts of it to be had"]

    def test_a_wheel_that_was_downloaded_is_not_asked_for(self, cache: Cache, wheel: Path) -> None:
        with serving(wheel.parent) as server:
            file = remote(server.url, wheel)
            reader(cache).download(file)
        offline = reader(cache, offline=True)
        assert offline.core_metadata(file).startswith(b"Metadata-Version")
        assert offline.variant_metadata(file) is not None

    def test_threads_read_once(self, cache: Cache, wheel: Path) -> None:
        with serving(wheel.parent) as server:
            one = reader(cache)
            file = remote(server.url, wheel)
            with ThreadPoolExecutor(8) as pool:
                found = set(pool.map(lambda _: one.core_metadata(file), range(8)))
        assert len(found) == len(server.requests) == 1

    def test_a_wheel_that_is_gone_is_a_fault_of_the_source(self, cache: Cache, wheel: Path) -> None:
        with serving({}) as server, pytest.raises(SourceError) as caught:
            reader(cache).core_metadata(remote(server.url, wheel))
        assert caught.value.message == (
            f"`{wheel.name}` is listed, but not to be had: `127.0.0.1` answered 404 Not Found"
        )

    def test_a_wheel_that_is_none(self, cache: Cache, wheel: Path) -> None:
        content: dict[str, Route] = {f"/{wheel.name}": b"<html>please log in</html>"}
        with serving(content) as server, pytest.raises(FormatError) as caught:
            reader(cache).core_metadata(remote(server.url, wheel))
        assert caught.value.message == f"`{wheel.name}` is no complete ZIP file"


class TestSidecar:
    """PEP 658 and PEP 714."""

    def serve(self, wheel: Path, sidecar: Route | None) -> dict[str, Route]:
        content: dict[str, Route] = {f"/{wheel.name}": wheel.read_bytes()}
        return content if sidecar is None else content | {f"/{wheel.name}.metadata": sidecar}

    def test_it_is_read_instead_of_the_wheel(self, cache: Cache, wheel: Path) -> None:
        digest = hashlib.sha256(SIDECAR).hexdigest()
        with serving(self.serve(wheel, SIDECAR)) as server:
            file = remote(server.url, wheel, metadata_hashes=(("sha256", digest),))
            assert reader(cache).core_metadata(file) == SIDECAR
            assert reader(cache).core_metadata(file) == SIDECAR
            assert server.paths == [f"/{wheel.name}.metadata"]
            assert reader(cache).variant_metadata(file) is not None
            assert server.paths == [f"/{wheel.name}.metadata", f"/{wheel.name}"]

    @pytest.mark.parametrize(
        ("sidecar", "hashes"),
        [
            (None, ()),
            (None, (("sha256", "00"),)),
            (Reply(status=403), ()),
            (SIDECAR, (("sha256", "00"),)),
            (b"<html>not found</html>", ()),
            (b"", ()),
        ],
    )
    def test_one_that_is_missing_or_wrong_counts_as_absent(
        self, cache: Cache, wheel: Path, sidecar: Route | None, hashes: tuple[tuple[str, str], ...]
    ) -> None:
        with serving(self.serve(wheel, sidecar)) as server:
            file = remote(server.url, wheel, metadata_hashes=hashes)
            metadata = reader(cache).core_metadata(file)
        assert metadata.startswith(b"Metadata-Version: 2.1\nName: demo\n")
        assert metadata != SIDECAR
        assert server.paths == [f"/{wheel.name}.metadata", f"/{wheel.name}"]

    def test_it_is_not_asked_for_where_none_is_listed(self, cache: Cache, wheel: Path) -> None:
        with serving(self.serve(wheel, SIDECAR)) as server:
            assert reader(cache).core_metadata(remote(server.url, wheel)) != SIDECAR
        assert server.paths == [f"/{wheel.name}"]

    def test_it_is_before_the_query_of_the_url(self, cache: Cache, wheel: Path) -> None:
        with serving(self.serve(wheel, SIDECAR)) as server:
            file = remote(server.url, wheel, metadata_hashes=())
            reader(cache).core_metadata(file._replace(url=file.url + "?token=1"))
        assert server.paths == [f"/{wheel.name}.metadata?token=1"]

    def test_a_server_that_fails_is_an_error(self, cache: Cache, wheel: Path) -> None:
        with serving(self.serve(wheel, Reply(status=500))) as server:
            file = remote(server.url, wheel, metadata_hashes=())
            with pytest.raises(NetworkError) as caught:
                reader(cache).core_metadata(file)
        assert caught.value.message == "`127.0.0.1` answered 500 Internal Server Error"

    def test_beside_a_local_wheel(self, cache: Cache, wheel: Path) -> None:
        file = remote(wheel.parent.as_uri(), wheel, metadata_hashes=())
        assert reader(Cache(None)).core_metadata(file) != SIDECAR
        wheel.with_name(f"{wheel.name}.metadata").write_bytes(SIDECAR)
        assert reader(cache).core_metadata(file) == SIDECAR


class TestWheelsWithoutHash:
    """Remembered under URL, size and validator."""

    def test_after_ten_minutes_the_server_is_asked_whether_it_changed(
        self, cache: Cache, wheel: Path
    ) -> None:
        clock = Clock()
        content: dict[str, Route] = {f"/{wheel.name}": wheel.read_bytes()}
        with serving(content) as server:
            file = remote(server.url, wheel, hashed=False)
            first = reader(cache, clock=clock).core_metadata(file)
            clock.now += 599
            assert reader(cache, clock=clock).core_metadata(file) == first
            assert len(server.requests) == 1
            clock.now += 2
            assert reader(cache, clock=clock).core_metadata(file) == first
            assert reader(cache, clock=clock, refresh=True).core_metadata(file) == first
            ranges = [request.range for request in server.requests]
            assert ranges == ["bytes=-131072", "bytes=0-0", "bytes=0-0"]
            clock.now += 601
            other = make_wheel(wheel.parent / "other", requires=["more"], label="cu13")
            content[f"/{wheel.name}"] = other.read_bytes()
            assert b"Requires-Dist: more" in reader(cache, clock=clock).core_metadata(file)

    def test_offline_has_what_is_remembered(self, cache: Cache, wheel: Path) -> None:
        clock = Clock()
        with serving(wheel.parent) as server:
            file = remote(server.url, wheel, hashed=False)
            reader(cache, clock=clock).core_metadata(file)
        clock.now += 10**6
        assert reader(cache, clock=clock, offline=True).core_metadata(file)
        with pytest.raises(OfflineError):
            reader(Cache(None), offline=True).core_metadata(file)


class TestOneSourceDoesNotSpeakForAnother:
    def test_metadata_is_not_taken_over_by_hash_alone(self, cache: Cache, wheel: Path) -> None:
        digest = hashlib.sha256(SIDECAR).hexdigest()
        content: dict[str, Route] = {f"/{wheel.name}.metadata": SIDECAR}
        with serving(content) as liar, serving(wheel.parent) as honest:
            lie = remote(liar.url, wheel, metadata_hashes=(("sha256", digest),))
            assert reader(cache).core_metadata(lie) == SIDECAR
            assert reader(cache).core_metadata(remote(honest.url, wheel)) != SIDECAR


class TestLocalFiles:
    def test_they_are_used_where_they_are(self, cache: Cache, wheel: Path, heard: Heard) -> None:
        file = remote(wheel.parent.as_uri(), wheel)
        fetched = reader(cache, observer=heard).download(file)
        assert fetched.path == wheel
        assert fetched.sha256 == hashlib.sha256(wheel.read_bytes()).hexdigest()
        assert heard.received == wheel.stat().st_size
        assert reader(cache).core_metadata(file).startswith(b"Metadata-Version")
        assert reader(cache).variant_metadata(file) is not None

    def test_they_are_hashed_once_and_again_after_a_change(
        self, cache: Cache, wheel: Path, heard: Heard
    ) -> None:
        file = remote(wheel.parent.as_uri(), wheel, hashed=False)
        first = reader(cache).download(file)
        assert reader(cache, observer=heard).download(file) == first
        assert heard.received == 0
        wheel.write_bytes(wheel.read_bytes() + b"x")
        assert reader(cache).download(file).sha256 != first.sha256

    @pytest.mark.parametrize("algorithm", ["sha256", "md5"])
    def test_a_wrong_hash_is_refused_each_time(
        self, cache: Cache, wheel: Path, algorithm: str
    ) -> None:
        good = remote(wheel.parent.as_uri(), wheel)
        reader(cache).download(good)
        for _ in range(2):
            with pytest.raises(HashMismatch):
                reader(cache).download(good._replace(hashes=((algorithm, "00"),)))

    def test_what_is_read_of_them_follows_a_change(self, cache: Cache, wheel: Path) -> None:
        file = remote(wheel.parent.as_uri(), wheel, hashed=False)
        assert b"more" not in reader(cache).core_metadata(file)
        make_wheel(wheel.parent, label="cu13", requires=["more"])
        assert b"Requires-Dist: more" in reader(cache).core_metadata(file)

    @pytest.mark.parametrize("action", ["download", "core_metadata", "variant_metadata", "read"])
    def test_one_that_is_not_there(self, cache: Cache, tmp_path: Path, action: str) -> None:
        path = tmp_path / "gone-1.0-py3-none-any.whl"
        with pytest.raises(SourceError) as caught:
            getattr(reader(cache), action)(RemoteFile(path.name, path.as_uri()))
        assert caught.value.message == f"`{path}` is not there"


class TestSmallFiles:
    CONTENT = b'{"variants": {}}'

    def file(self, url: str, *, hashed: bool = True) -> RemoteFile:
        digest = hashlib.sha256(self.CONTENT).hexdigest()
        hashes = (("sha256", digest),) if hashed else ()
        return RemoteFile("demo-1.0-variants.json", f"{url}/x.json", hashes)

    def test_a_file_with_a_hash_is_kept_for_ever(self, cache: Cache) -> None:
        clock = Clock()
        with serving({"/x.json": self.CONTENT}) as server:
            file = self.file(server.url)
            assert reader(cache, clock=clock).read(file) == self.CONTENT
        clock.now += 10**9
        assert reader(cache, clock=clock, refresh=True).read(file) == self.CONTENT

    def test_a_file_without_is_asked_about(self, cache: Cache) -> None:
        clock = Clock()
        with serving({"/x.json": self.CONTENT}) as server:
            file = self.file(server.url, hashed=False)
            for seconds in (0, 599, 2):
                clock.now += seconds
                assert reader(cache, clock=clock).read(file) == self.CONTENT
        assert len(server.requests) == 2
        assert "if-none-match" in server.requests[1].headers

    def test_another_hash_is_refused_each_time(self, cache: Cache) -> None:
        with serving({"/x.json": b"{}"}) as server:
            for _ in range(2):
                with pytest.raises(HashMismatch):
                    reader(cache).read(self.file(server.url))

    def test_a_file_that_is_gone_is_a_fault_of_the_source(self, cache: Cache) -> None:
        with serving({}) as server, pytest.raises(SourceError) as caught:
            reader(cache).read(self.file(server.url))
        assert caught.value.message == (
            "`demo-1.0-variants.json` is listed, but not to be had: "
            "`127.0.0.1` answered 404 Not Found"
        )

    def test_on_this_machine(self, cache: Cache, tmp_path: Path) -> None:
        (tmp_path / "x.json").write_bytes(self.CONTENT)
        assert reader(cache).read(self.file(tmp_path.as_uri())) == self.CONTENT
        (tmp_path / "x.json").write_bytes(b"{}")
        with pytest.raises(HashMismatch):
            reader(cache).read(self.file(tmp_path.as_uri()))


class TestSizes:
    def test_as_listed_or_as_it_lies_here(self, cache: Cache, wheel: Path) -> None:
        assert reader(cache).size(RemoteFile("x.whl", "https://a.example/x.whl", size=7)) == 7
        assert reader(cache).size(remote(wheel.parent.as_uri(), wheel)) == wheel.stat().st_size
        assert reader(cache).size(RemoteFile("x.whl", "file:///no/x.whl")) is None

    def test_it_comes_along_with_metadata(self, cache: Cache, wheel: Path) -> None:
        with serving(wheel.parent) as server:
            file = remote(server.url, wheel)
            reader(cache).core_metadata(file)
        assert reader(cache, offline=True).size(file) == wheel.stat().st_size

    def test_else_it_is_asked_for_once(self, cache: Cache, wheel: Path) -> None:
        with serving(wheel.parent) as server:
            file = remote(server.url, wheel)
            for _ in range(2):
                assert reader(cache).size(file) == wheel.stat().st_size
        assert [request.range for request in server.requests] == ["bytes=0-0"]

    def test_without_a_hash_it_is_asked_for_each_time(self, cache: Cache, wheel: Path) -> None:
        with serving(wheel.parent) as server:
            file = remote(server.url, wheel, hashed=False)
            for _ in range(2):
                assert reader(cache).size(file) == wheel.stat().st_size
        assert len(server.requests) == 2

    def test_what_cannot_be_learned_is_none(self, cache: Cache, wheel: Path) -> None:
        with serving({}) as server:
            assert reader(cache).size(remote(server.url, wheel)) is None
        with serving(wheel.parent, ranges=False) as server:
            assert reader(cache).size(remote(server.url, wheel)) is None
        assert reader(cache, offline=True).size(remote(server.url, wheel)) is None


class TestPublishedMetadata:
    def test_the_hash_of_the_file_itself_as_that_of_its_sidecar(
        self, cache: Cache, wheel: Path, heard: Heard
    ) -> None:
        """Old snapshots of the published index give the hash of the wheel for its metadata."""
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        with serving({f"/{wheel.name}": wheel.read_bytes()}) as server:
            file = remote(server.url, wheel, metadata_hashes=(("sha256", digest),))
            assert reader(cache, observer=heard).core_metadata(file).startswith(b"Metadata")
