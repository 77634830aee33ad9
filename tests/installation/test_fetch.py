"""Wheels of a plan into the store."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from pathlib import Path

import pytest
from packaging.version import Version

from tests.installation.builders import Listener, PathReader, World, make_pin
from tests.support.wheels import make_wheel
from vinstall.errors import HashMismatch, InstallationError, IntegrityError
from vinstall.formats.metadata import parse_metadata
from vinstall.formats.simple_api import RemoteFile
from vinstall.formats.variant_json import VariantTable, parse_variant_table
from vinstall.installation.fetch import Fetcher, fetch_wheels
from vinstall.installation.plan import Plan
from vinstall.installation.wheel_file import InvalidWheel
from vinstall.resolution.model import Pin
from vinstall.selection.release import SourceDistribution, Wheel
from vinstall.sources.source import FetchedFile, Follow
from vinstall.values import replace


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


WEB = "https://files.example"


class WebReader(PathReader):
    """What is on the web lies in a folder."""

    @staticmethod
    def _path(file: RemoteFile) -> Path:
        return Path(file.url.removeprefix(WEB).removeprefix("file://"))


def sized(pin: Pin, size: int | None) -> Pin:
    """`pin` with a file of that listed size."""
    artifact = pin.choice.artifact
    file = artifact.file._replace(size=size)
    choice = replace(pin.choice, artifact=replace(artifact, file=file))
    return replace(pin, choice=choice)


class TestDownloads:
    def test_each_wheel_is_downloaded_once_and_then_known(
        self, world: World, tmp_path: Path
    ) -> None:
        wheels = [make_wheel(tmp_path, f"p{number}") for number in range(12)]
        plan = Plan(install=tuple(make_pin(path) for path in wheels))
        first = world.fetch(plan)
        assert sorted(world.reader.downloaded) == sorted(path.name for path in wheels)
        assert world.fetch(plan) == first
        assert len(world.reader.downloaded) == 12
        assert [stored.filename for stored in first.values()] == [path.name for path in wheels]

    def test_those_that_were_changed_in_the_store_are_downloaded_again(
        self, world: World, tmp_path: Path
    ) -> None:
        wheels = [make_wheel(tmp_path, f"p{number}") for number in range(4)]
        plan = Plan(install=tuple(make_pin(path) for path in wheels))
        first = world.fetch(plan)
        for pin in plan.install[1:3]:
            stored = first[pin.name]
            Path(stored.path, stored.dist_info, "METADATA").write_text("Name: evil")
        again = world.fetch(plan)
        assert sorted(world.reader.downloaded[4:]) == [wheels[1].name, wheels[2].name]
        for pin in plan.install:
            stored = again[pin.name]
            assert world.store.find(stored.sha256) == stored
            assert b"evil" not in (stored.read(f"{stored.dist_info}/METADATA") or b"evil")

    def test_one_without_a_known_hash_is_downloaded_and_then_recognised(
        self, world: World, tmp_path: Path
    ) -> None:
        pin = make_pin(make_wheel(tmp_path), hashed=False)
        first = world.fetch(Plan(install=(pin,)))
        assert world.fetch(Plan(install=(pin,))) == first
        assert len(world.reader.downloaded) == 2

    def test_they_overlap(self, world: World, tmp_path: Path) -> None:
        """A reader that needs two callers at once gets them."""
        both = threading.Barrier(2, timeout=10)

        class Meeting(PathReader):
            def download(self, file: RemoteFile, *, follow: Follow | None = None) -> FetchedFile:
                both.wait()
                return super().download(file)

        pins = tuple(make_pin(make_wheel(tmp_path, name)) for name in ("a", "b"))
        found = fetch_wheels(Plan(install=pins), Meeting(), world.store, Listener())
        assert len(found) == 2

    def test_one_may_begin_before_the_plan_is_known(self, world: World, tmp_path: Path) -> None:
        pin = make_pin(make_wheel(tmp_path))
        with Fetcher(world.reader, world.store, world.listener) as fetcher:
            fetcher.begin(pin)
            fetcher.begin(pin)
            assert list(fetcher.collect([pin])) == ["demo"]
            assert fetcher._machine is not None
            for thread in fetcher._machine[0]._threads:
                thread.join(5)
                assert not thread.is_alive()  # none is in the way of a copy of this process
        assert world.reader.downloaded == ["demo-1.0-py3-none-any.whl"]

    def test_a_guess_is_fetched_once_and_what_is_not_wanted_is_left(
        self, world: World, tmp_path: Path
    ) -> None:
        wanted, other = (make_pin(make_wheel(tmp_path, name)) for name in ("a", "b"))
        with Fetcher(world.reader, world.store, world.listener) as fetcher:
            for pin in (wanted, other, wanted):
                fetcher.guess(sized(pin, 1000).choice, pin.metadata)
            assert list(fetcher.collect([wanted])) == ["a"]
        assert world.reader.downloaded.count("a-1.0-py3-none-any.whl") == 1

    @pytest.mark.parametrize("size", [None, 40_000_001])
    def test_what_may_be_large_is_not_fetched_on_a_guess(
        self, world: World, tmp_path: Path, size: int | None
    ) -> None:
        pin = make_pin(make_wheel(tmp_path))
        with Fetcher(world.reader, world.store, world.listener) as fetcher:
            fetcher.guess(sized(pin, size).choice, pin.metadata)
        assert world.reader.downloaded == []

    def test_nothing_is_guessed_once_the_plan_is_known(self, world: World, tmp_path: Path) -> None:
        pin = make_pin(make_wheel(tmp_path))
        with Fetcher(world.reader, world.store, world.listener) as fetcher:
            fetcher.collect([])
            fetcher.guess(sized(pin, 1000).choice, pin.metadata)
        assert world.reader.downloaded == []

    def test_the_store_answers_without_threads(self, world: World, tmp_path: Path) -> None:
        pin = make_pin(make_wheel(tmp_path))
        world.fetch(Plan(install=(pin,)))
        with Fetcher(world.reader, world.store, world.listener) as fetcher:
            fetcher.collect([pin])
            assert fetcher._machine is None


class TestIntegrity:
    def test_other_bytes_than_promised_are_refused(self, world: World, tmp_path: Path) -> None:
        pin = make_pin(make_wheel(tmp_path))
        other = make_wheel(tmp_path, files={"demo/evil.py": "evil"})
        received = make_pin(other).choice.artifact.file.hashes[0][1]
        with pytest.raises(HashMismatch) as caught:
            world.fetch(Plan(install=(pin,)))
        assert caught.value.message == "`demo-1.0-py3-none-any.whl` does not match its sha256 hash"
        assert caught.value.context[1] == f"received {received}"
        assert world.store.find(received) is None

    def test_a_broken_wheel_is_named(self, world: World, tmp_path: Path) -> None:
        path = tmp_path / "demo-1.0-py3-none-any.whl"
        path.write_bytes(b"nothing")
        with pytest.raises(InvalidWheel) as caught:
            world.fetch(Plan(install=(make_pin(path),)))
        assert caught.value.message == "`demo-1.0-py3-none-any.whl` is not a valid wheel"

    @pytest.mark.parametrize("size", [None, 7])
    @pytest.mark.parametrize(
        ("hashed", "place", "kept"),
        [(False, WEB, False), (True, WEB, True), (False, "file://", True)],
    )
    def test_a_broken_download_is_kept_where_a_hash_vouches_for_it(
        self, world: World, tmp_path: Path, size: int | None, hashed: bool, place: str, kept: bool
    ) -> None:
        """The server may have sent it wrong, and say the next time that it has not changed."""
        path = tmp_path / "demo-1.0-py3-none-any.whl"
        path.write_bytes(b"nothing")
        pin = sized(make_pin(path, hashed=hashed), size)
        artifact = pin.choice.artifact
        moved = replace(artifact, file=artifact.file._replace(url=f"{place}{path}"))
        pin = replace(pin, choice=replace(pin.choice, artifact=moved))
        world.reader = WebReader()
        with pytest.raises(InvalidWheel):
            world.fetch(Plan(install=(pin,)))
        assert path.exists() == kept

    def test_a_failure_stops_the_rest(self, world: World, tmp_path: Path) -> None:
        bad = tmp_path / "aaa-1.0-py3-none-any.whl"
        bad.write_bytes(b"nothing")
        wheels = [make_wheel(tmp_path, f"p{number}") for number in range(30)]
        with pytest.raises(InvalidWheel):
            world.fetch(Plan(install=tuple(make_pin(path) for path in (bad, *wheels))))

    def test_bytes_of_another_project_are_not_taken_from_the_store(
        self, world: World, tmp_path: Path
    ) -> None:
        path = make_wheel(tmp_path, "other")
        world.fetch(Plan(install=(make_pin(path),)))
        renamed = Path(shutil.copy(path, tmp_path / "demo-1.0-py3-none-any.whl"))
        with pytest.raises(IntegrityError) as caught:
            world.fetch(Plan(install=(make_pin(renamed),)))
        assert caught.value.message == "`other-1.0-py3-none-any.whl` is not `demo` 1.0"
        assert caught.value.context == ("offered as `demo-1.0-py3-none-any.whl`",)


class TestLocal:
    def test_a_wheel_that_was_built_here_is_used(self, world: World, tmp_path: Path) -> None:
        path = make_wheel(tmp_path)
        wheel = make_pin(path)
        file = RemoteFile(filename="demo-1.0.tar.gz", url="https://x.example/demo-1.0.tar.gz")
        source = SourceDistribution(name=wheel.name, version=Version("1.0"), file=file, source="x")
        pin = replace(wheel, choice=replace(wheel.choice, artifact=source))
        digest = wheel.choice.artifact.file.hashes[0][1]
        built = {pin.name: FetchedFile(path=path, sha256=digest)}
        found = fetch_wheels(
            Plan(install=(pin,)), world.reader, world.store, Listener(), local=built
        )
        assert found[pin.name].filename == path.name
        assert world.reader.downloaded == []
        with pytest.raises(InstallationError) as caught:
            fetch_wheels(Plan(install=(pin,)), world.reader, world.store, Listener())
        assert caught.value.message == "`demo-1.0.tar.gz` was not built into a wheel"


class TestMetadata:
    """What an index puts beside a wheel is believed first, and compared in the end."""

    OWN = b"Metadata-Version: 2.1\nName: demo\nVersion: 1.0\nRequires-Dist: dep>=1\n"

    def warnings(self, world: World, tmp_path: Path, listed: bytes, *, hashed: bool) -> list[str]:
        pin = make_pin(make_wheel(tmp_path, requires=["dep>=1"]))
        digest = (("sha256", hashlib.sha256(listed).hexdigest()),) if hashed else ()
        artifact = pin.choice.artifact
        assert isinstance(artifact, Wheel)
        file = artifact.file._replace(metadata_hashes=digest)
        choice = replace(pin.choice, artifact=replace(artifact, file=file))
        pin = replace(pin, choice=choice, metadata=parse_metadata(listed))
        listener = Listener()
        fetch_wheels(Plan(install=(pin,)), world.reader, world.store, listener)
        return listener.warnings

    @pytest.mark.parametrize("hashed", [True, False])
    def test_the_same_requirements_are_no_news(
        self, world: World, tmp_path: Path, hashed: bool
    ) -> None:
        assert self.warnings(world, tmp_path, self.OWN, hashed=hashed) == []

    @pytest.mark.parametrize("hashed", [True, False])
    def test_others_are_told(self, world: World, tmp_path: Path, hashed: bool) -> None:
        listed = self.OWN.replace(b"dep>=1", b"other")
        assert self.warnings(world, tmp_path, listed, hashed=hashed) == [
            "`demo-1.0-py3-none-any.whl` has other requirements than its index lists: "
            "`dep>=1` is not listed, `other` is not its own"
        ]


def document(**variants: object) -> dict[str, object]:
    return {
        "$schema": "https://variants-schema.wheelnext.dev/v0.1.1.json",
        "default-priorities": {"namespace": ["x86_64"]},
        "variants": variants,
    }


V3 = {"x86_64": {"level": ["v3"]}}
V4 = {"x86_64": {"level": ["v4"]}}


class TestVariants:
    """A wheel's own `variant.json` must agree with the entry that selected it."""

    def pin(self, tmp_path: Path, label: str, own: object, index: object) -> Pin:
        table: VariantTable | None = None
        if index is not None:
            table = parse_variant_table(json.dumps(index))
        path = make_wheel(tmp_path, label=label, variant_json=own)  # type: ignore[arg-type]
        return make_pin(path, table=table)

    def refused(self, world: World, pin: Pin) -> IntegrityError:
        with pytest.raises(IntegrityError) as caught:
            world.fetch(Plan(install=(pin,)))
        return caught.value

    @pytest.mark.parametrize(
        ("label", "own", "index"),
        [
            ("v3", document(v3=V3), document(v3=V3, v4=V4)),
            ("v3", document(v3=V3), None),
            ("null", document(null={}), document(null={}, v3=V3)),
            ("null", document(null={}), document(v3=V3)),
        ],
    )
    def test_one_that_agrees_is_fetched(
        self, world: World, tmp_path: Path, label: str, own: object, index: object
    ) -> None:
        pin = self.pin(tmp_path, label, own, index)
        assert list(world.fetch(Plan(install=(pin,)))) == ["demo"]

    def test_other_properties_under_the_label_are_refused(
        self, world: World, tmp_path: Path
    ) -> None:
        pin = self.pin(tmp_path, "v3", document(v3=V4), document(v3=V3))
        for _ in range(2):  # from the store as well
            error = self.refused(world, pin)
            assert error.message == (
                "`demo-1.0-py3-none-any-v3.whl` is not the variant it was chosen as"
            )
            assert error.context == (
                "chosen for `x86_64 :: level :: v3`",
                "the wheel says `x86_64 :: level :: v4`",
            )
        assert world.installed() == {}

    def test_a_null_wheel_with_properties_is_refused(self, world: World, tmp_path: Path) -> None:
        pin = self.pin(tmp_path, "cpu", document(cpu=V3), document(cpu={}))
        assert self.refused(world, pin).context == (
            "chosen for no properties",
            "the wheel says `x86_64 :: level :: v3`",
        )

    def test_another_label_inside_is_refused(self, world: World, tmp_path: Path) -> None:
        error = self.refused(world, self.pin(tmp_path, "v3", document(v4=V4), document(v3=V3)))
        assert error.message == (
            "`variant.json` in `demo-1.0-py3-none-any-v3.whl` does not describe the label `v3`"
        )
        assert error.context == ("it describes `v4`",)

    def test_none_inside_is_refused(self, world: World, tmp_path: Path) -> None:
        error = self.refused(world, self.pin(tmp_path, "v3", None, document(v3=V3)))
        assert error.message == (
            "`demo-1.0-py3-none-any-v3.whl` is labelled `v3` and has no `variant.json`"
        )

    def test_a_broken_one_is_refused(self, world: World, tmp_path: Path) -> None:
        error = self.refused(world, self.pin(tmp_path, "v3", "{", document(v3=V3)))
        assert error.message == ("`variant.json` in `demo-1.0-py3-none-any-v3.whl` cannot be read")
        assert len(error.context) == 1
