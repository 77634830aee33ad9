"""Every rule an index has to keep, broken one at a time, and the published data's own faults."""

from __future__ import annotations

import hashlib
import json
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.wheels import make_wheel
from vinstall.errors import FormatError, SourceError
from vinstall.formats.simple_api import RemoteFile
from vinstall.workshop.fault import RULES
from vinstall.workshop.index_access import PageForm, ServerAccess
from vinstall.workshop.index_build import build_index
from vinstall.workshop.index_check import check_folder, check_index
from vinstall.workshop.serve import serve_index

TAG = "cp312-cp312-manylinux_2_28_x86_64"


def document(label: str = "v3", **change: Any) -> dict[str, Any]:
    return {
        "$schema": "https://variants-schema.wheelnext.dev/v0.2.0.json",
        "default-priorities": {"namespace": ["x86_64"]},
        "providers": {"x86_64": {"requires": ["x86-64-variant-provider"]}},
        "variants": {label: {} if label == "null" else {"x86_64": {"level": [label]}}},
        **change,
    }


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A faultless index."""
    folder = tmp_path / "site"
    for label in ("v2", "v3", "null"):
        make_wheel(
            folder, label=label, variant_json=document(label), tag=TAG, requires_python=">=3.9"
        )
    make_wheel(folder, tag=TAG, requires_python=">=3.9")
    build_index(folder)
    return folder


def lines(folder: Path) -> list[str]:
    return [fault.sentence() for fault in check_folder(folder).faults]


INDEX_FILE = "simple/demo/demo-1.0-variants.json"
HTML, JSON = "simple/demo/index.html", "simple/demo/index.json"


def edit(folder: Path, path: str, change: Callable[[str], str]) -> None:
    text = (folder / path).read_text()
    assert change(text) != text
    (folder / path).write_text(change(text))


def edit_page(folder: Path, change: Callable[[list[dict[str, Any]]], object]) -> None:
    """Change the JSON form, and leave it as the only one."""
    page = json.loads((folder / JSON).read_bytes())
    change(page["files"])
    (folder / JSON).write_text(json.dumps(page))
    (folder / HTML).unlink()


def edit_index_file(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the index file, and make the page fit it again."""
    found = json.loads((folder / INDEX_FILE).read_bytes())
    change(found)
    data = json.dumps(found).encode()
    (folder / INDEX_FILE).write_bytes(data)
    facts = {"hashes": {"sha256": hashlib.sha256(data).hexdigest()}, "size": len(data)}
    edit_page(folder, lambda rows: rows[0].update(facts))


def test_an_index_made_here_has_no_fault(site: Path) -> None:
    report = check_folder(site)
    assert report.faults == ()
    assert (report.projects, report.releases, report.files) == (1, 1, 4)


class TestIndexFile:
    def test_missing(self, site: Path) -> None:
        edit_page(site, lambda rows: rows.pop(0))
        assert lines(site) == [
            "demo 1.0: has no `-variants.json` for the labels `null`, `v2`, `v3` [index-file-missing]"
        ]

    def test_linked_but_not_there(self, site: Path) -> None:
        (site / INDEX_FILE).unlink()
        assert lines(site) == [
            f"demo-1.0-variants.json: is not at `{(site / INDEX_FILE).as_uri()}` [file-missing]"
        ]

    def test_another_hash_and_size(self, site: Path) -> None:
        edit(site, INDEX_FILE, lambda text: text + "\n")
        found = lines(site)
        assert [line.rpartition("[")[2] for line in found] == ["file-hash]", "file-size]"]

    def test_another_name(self, site: Path) -> None:
        (site / INDEX_FILE).rename(site / "simple/demo/demo-1.0.0-variants.json")
        edit_page(
            site,
            lambda rows: rows[0].update(
                filename="demo-1.0.0-variants.json", url="demo-1.0.0-variants.json"
            ),
        )
        assert lines(site) == []  # the same version, and normal by itself
        (site / "simple/demo/demo-1.0.0-variants.json").rename(
            site / "simple/demo/Demo-1.0-variants.json"
        )
        edit(site, JSON, lambda text: text.replace("demo-1.0.0-variants", "Demo-1.0-variants"))
        assert lines(site) == [
            "Demo-1.0-variants.json: is not normalized: `demo-1.0-variants.json` [index-file-name]"
        ]

    def test_twice(self, site: Path) -> None:
        (site / "simple/demo/demo-1.0.0-variants.json").write_bytes(
            (site / INDEX_FILE).read_bytes()
        )
        edit_page(
            site,
            lambda rows: rows.append(
                {
                    **rows[0],
                    "filename": "demo-1.0.0-variants.json",
                    "url": "demo-1.0.0-variants.json",
                }
            ),
        )
        assert (
            "demo 1.0: has several index files: `demo-1.0-variants.json`, `demo-1.0.0-variants.json` [index-file-twice]"
            in lines(site)
        )

    def test_of_another_project(self, site: Path) -> None:
        edit_page(
            site, lambda rows: rows.append({**rows[0], "filename": "other-1.0-variants.json"})
        )
        assert lines(site) == [
            "other-1.0-variants.json: is on the page of `demo` [index-file-name]"
        ]

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda d: d.pop("variants"), "variants: is missing"),
            (lambda d: d["providers"].clear(), "providers.x86_64: is missing"),
            (
                lambda d: d["variants"].update(V4={}),
                "variants.V4: is no variant label",
            ),
            (
                lambda d: d["variants"]["v3"]["x86_64"].update(level=["v3", "v3"]),
                "variants.v3.x86_64.level: lists an item more than once",
            ),
            (
                lambda d: d.update({"$schema": "v9.0.0"}),
                "$schema: is version 9.0.0 of the format",
            ),
        ],
    )
    def test_that_breaks_the_format(
        self, site: Path, change: Callable[[dict[str, Any]], object], message: str
    ) -> None:
        edit_index_file(site, change)
        assert lines(site) == [f"demo-1.0-variants.json: {message} [index-file-format]"]


class TestLabels:
    def test_unlisted(self, site: Path) -> None:
        edit_index_file(site, lambda found: found["variants"].pop("v3"))
        assert lines(site) == [
            f"demo-1.0-{TAG}-v3.whl: `demo-1.0-variants.json` does not list `v3` [label-unlisted]"
        ]

    def test_without_a_wheel(self, site: Path) -> None:
        edit_index_file(
            site, lambda found: found["variants"].update(v4={"x86_64": {"level": ["v4"]}})
        )
        assert lines(site) == [
            "demo-1.0-variants.json: lists `v4`, which no wheel has [label-without-wheel]"
        ]

    def test_with_other_properties_than_its_wheel(self, site: Path) -> None:
        edit_index_file(site, lambda found: found["variants"]["v3"]["x86_64"].update(level=["v4"]))
        assert lines(site) == [
            f"demo-1.0-{TAG}-v3.whl: the index file gives `v3` other properties [index-agreement]"
        ]

    def test_without_properties(self, site: Path) -> None:
        edit_index_file(site, lambda found: found["variants"].update(v4={}))
        assert lines(site) == [
            "demo-1.0-variants.json: `v4` has no properties and is not `null` [label-empty]",
            "demo-1.0-variants.json: lists `v4`, which no wheel has [label-without-wheel]",
        ]

    def test_twins(self, site: Path) -> None:
        edit_index_file(
            site, lambda found: found["variants"].update(v4={"x86_64": {"level": ["v3"]}})
        )
        assert "demo-1.0-variants.json: `v3`, `v4` have the same properties [label-twins]" in lines(
            site
        )

    def test_unsorted_values(self, site: Path) -> None:
        edit_index_file(
            site, lambda found: found["variants"].update(v4={"x86_64": {"level": ["v5", "v4"]}})
        )
        assert (
            "demo-1.0-variants.json: variants.v4.x86_64.level is not sorted [values-unsorted]"
            in lines(site)
        )

    def test_unreachable(self, site: Path) -> None:
        edit_index_file(
            site,
            lambda found: found.update(
                providers={"x86_64": {"static-properties": {"level": ["v2", "v1"]}}}
            ),
        )
        assert (
            "demo-1.0-variants.json: `v3` needs `x86_64 :: level :: v3`, which is not among the "
            "static properties [label-unreachable]"
        ) in lines(site)

    def test_no_fallback(self, tmp_path: Path) -> None:
        make_wheel(tmp_path, label="v3", variant_json=document("v3"), tag=TAG)
        build_index(tmp_path)
        assert lines(tmp_path) == [
            "demo 1.0: has neither a `null` nor a plain wheel to fall back on [no-fallback]"
        ]


class TestPlatforms:
    def built(self, folder: Path, *wheels: tuple[str, str], **change: Any) -> list[str]:
        for label, platform in wheels:
            make_wheel(
                folder,
                label=label,
                variant_json=document(label, **change),
                tag=f"py3-none-{platform}",
            )
        make_wheel(folder)
        build_index(folder)
        return lines(folder)

    def test_tags_that_promise_nothing_or_do_not_exist(self, tmp_path: Path) -> None:
        assert self.built(tmp_path, ("v3", "linux_x86_64"), ("v2", "macosx_110_0_arm64")) == [
            "demo 1.0: `linux_x86_64` promises no C library; `manylinux` and `musllinux` tags do "
            "(`demo-1.0-py3-none-linux_x86_64-v3.whl`) [tag-linux]",
            "demo 1.0: `macosx_110_0_arm64` is the tag of no macOS there is "
            "(`demo-1.0-py3-none-macosx_110_0_arm64-v2.whl`) [tag-unknown]",
        ]

    def test_a_label_that_lacks_a_platform_its_sisters_have(self, tmp_path: Path) -> None:
        linux, windows = "manylinux_2_28_x86_64", "win_amd64"
        wheels = [(label, tag) for label in ("v2", "v3", "v4") for tag in (linux, windows)]
        wheels.remove(("v3", windows))
        assert self.built(tmp_path, *wheels) == [
            "demo 1.0: `v3` has no wheel for Windows AMD64, where its sister labels have one [label-gap]"
        ]

    def test_a_label_twice_for_one_tag(self, tmp_path: Path) -> None:
        short, long = "manylinux2014_x86_64", "manylinux2014_x86_64.manylinux_2_17_x86_64"
        assert self.built(tmp_path, ("v3", short), ("v3", long)) == [
            f"demo-1.0-py3-none-{long}-v3.whl: `v3` is there twice for `py3-none-{short}`, "
            f"also as `demo-1.0-py3-none-{short}-v3.whl` [wheel-twice]"
        ]

    def test_an_enable_if_that_excludes_what_is_offered(self, tmp_path: Path) -> None:
        change = {
            "$schema": "https://variants-schema.wheelnext.dev/v0.0.3.json",
            "providers": {
                "x86_64": {
                    "requires": ["p"],
                    "enable-if": "platform_system == 'Linux' and python_version >= '3'",
                }
            },
        }
        tags = ("win_amd64", "manylinux_2_28_x86_64")
        assert self.built(tmp_path, *(("v3", tag) for tag in tags), **change) == [
            "demo-1.0-variants.json: `enable-if` of `x86_64` excludes Windows AMD64, where `v3` has "
            "wheels [platform-excluded]"
        ]


class TestPages:
    def test_forms_that_differ(self, site: Path) -> None:
        edit(site, JSON, lambda text: text.replace(">=3.9", ">=3.10", 1))
        edit(
            site,
            HTML,
            lambda text: text.replace(
                "</body>", '<a href="demo-2.0.tar.gz">demo-2.0.tar.gz</a></body>'
            ),
        )
        assert lines(site) == [
            "demo: lists `demo-2.0.tar.gz` in its HTML form alone [page]",
            f"demo: says different things of `demo-1.0-{TAG}-null.whl` in its two forms [page]",
            f"demo-1.0-{TAG}-null.whl: requires Python `>=3.9`, listed is `>=3.10` [requires-python]",
        ]

    def test_a_link_twice(self, site: Path) -> None:
        edit_page(site, lambda rows: rows.append(rows[-1]))
        assert f"demo: lists `demo-1.0-{TAG}.whl` more than once [page]" in lines(site)

    def test_a_page_that_cannot_be_read(self, site: Path) -> None:
        (site / HTML).unlink()
        (site / JSON).write_text("{")
        found = lines(site)
        assert found[-1] == "demo: has no page that can be read [page]"

    def test_a_name_that_is_not_normalized(self, site: Path) -> None:
        (site / "simple/demo").rename(site / "simple/De.mo")
        found = lines(site)
        assert "De.mo: is not normalized, installers ask for `de-mo` [page]" in found

    def test_a_wheel_of_another_project_and_no_wheel_at_all(self, site: Path) -> None:
        edit_page(
            site,
            lambda rows: rows.extend(
                {**rows[-1], "filename": name}
                for name in ("other-1.0-py3-none-any.whl", "demo-1.0-3-any.whl")
            ),
        )
        found = lines(site)
        assert "other-1.0-py3-none-any.whl: is listed on the page of `demo` [wheel-name]" in found
        assert any(line.startswith("demo-1.0-3-any.whl: ") for line in found)


class TestFiles:
    def wheel(self, site: Path) -> Path:
        return site / f"demo-1.0-{TAG}.whl"

    def test_gone(self, site: Path) -> None:
        self.wheel(site).unlink()
        path = self.wheel(site)
        assert lines(site) == [f"{path.name}: is not at `{path}` [file-missing]"]

    def test_outside_the_folder(self, site: Path, tmp_path: Path) -> None:
        self.wheel(site).rename(tmp_path / self.wheel(site).name)
        edit_page(site, lambda rows: rows[-1].update(url="../../" + rows[-1]["url"][3:]))
        assert lines(site) == [
            f"{self.wheel(site).name}: is linked outside the folder [file-missing]"
        ]

    def test_changed(self, site: Path) -> None:
        path = self.wheel(site)
        make_wheel(site, tag=TAG, requires_python=">=3.9", requires=["x"])
        found = lines(site)
        assert [line.rpartition("[")[2] for line in found] == [
            "file-hash]",
            "file-size]",
            "core-metadata]",
        ]
        assert all(line.startswith(path.name) for line in found)

    def test_a_sidecar_that_is_not_there_or_another(self, site: Path) -> None:
        sidecar = Path(f"{self.wheel(site)}.metadata")
        edit(site, sidecar.name, lambda text: text + "\n")
        assert lines(site) == [
            f"{self.wheel(site).name}: the METADATA beside it is another one [core-metadata]"
        ]
        sidecar.unlink()
        assert lines(site) == [
            f"{self.wheel(site).name}: its METADATA is promised and not there [core-metadata]"
        ]

    def test_the_wheel_s_hash_given_for_its_metadata(self, site: Path) -> None:
        edit_page(site, lambda rows: rows[-1].update({"core-metadata": rows[-1]["hashes"]}))
        assert lines(site) == [
            f"{self.wheel(site).name}: its METADATA is listed with the wheel's hash [core-metadata]"
        ]

    def test_no_hash(self, site: Path) -> None:
        edit_page(site, lambda rows: [row.update(hashes={}) for row in rows[1:3]])
        assert lines(site) == [
            f"demo 1.0: `demo-1.0-{TAG}-null.whl` and 1 more without a hash [hash-missing]"
        ]


class TestLooseWheels:
    """Before an upload there are wheels and no pages."""

    def test_good_wheels(self, tmp_path: Path) -> None:
        for label in ("v3", "null"):
            make_wheel(tmp_path, label=label, variant_json=document(label), tag=TAG)
        report = check_folder(tmp_path)
        assert (report.faults, report.files) == ((), 2)

    def test_wheels_that_contradict_each_other(self, tmp_path: Path) -> None:
        make_wheel(tmp_path, label="v3", variant_json=document("v3"), tag=TAG)
        other = document("v3", variants={"v3": {"x86_64": {"level": ["v4"]}}})
        make_wheel(tmp_path, label="v3", variant_json=other, tag="py3-none-any")
        make_wheel(tmp_path)
        assert lines(tmp_path) == [
            f"demo 1.0: `demo-1.0-{TAG}-v3.whl` and `demo-1.0-py3-none-any-v3.whl`: variants.v3: "
            "two documents of one release give it other properties [variants-conflict]"
        ]

    def test_faults_of_single_wheels(self, tmp_path: Path) -> None:
        make_wheel(tmp_path, label="v3")
        (tmp_path / "demo-1.0-3-any.whl").write_bytes(b"")
        found = lines(tmp_path)
        assert "demo-1.0-3-any.whl: is the name of no wheel [wheel-name]" in found
        assert any("label-without-metadata" in line for line in found)

    def test_an_index_file_beside_them_has_to_agree(self, tmp_path: Path) -> None:
        make_wheel(tmp_path, label="v3", variant_json=document("v3"), tag=TAG)
        make_wheel(tmp_path)
        (tmp_path / "demo-1.0-variants.json").write_text(json.dumps(document("v2")))
        assert lines(tmp_path) == [
            f"demo-1.0-{TAG}-v3.whl: `demo-1.0-variants.json` does not list `v3` [label-unlisted]",
            "demo-1.0-variants.json: lists `v2`, which no wheel has [label-without-wheel]",
        ]

    def test_an_empty_folder(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match="has no wheels and no index pages"):
            check_folder(tmp_path)


class TestServer:
    """The same rules, over HTTP."""

    @staticmethod
    def fetch(url: str, accept: str) -> PageForm | None:
        request = urllib.request.Request(url, headers={"Accept": accept})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return PageForm(answer.url, "json" in answer.headers["Content-Type"], answer.read())
        except urllib.error.HTTPError:
            return None

    def test_a_good_index(self, site: Path) -> None:
        with serve_index(site).running() as url:
            report = check_index(ServerAccess(url, self.fetch))
            assert (report.faults, report.files) == ((), 4)

    def test_wheels_are_opened_on_request(self, site: Path) -> None:
        asked = []

        def read_document(file: RemoteFile) -> bytes:
            asked.append(file.filename)
            label = file.filename.rpartition("-")[2].removesuffix(".whl")
            return json.dumps(document(label.replace("v3", "v2"))).encode()

        with serve_index(site).running() as url:
            report = check_index(ServerAccess(url, self.fetch), read_document=read_document)
        assert asked == [f"demo-1.0-{TAG}-{label}.whl" for label in ("null", "v2", "v3")]
        assert report.faults == ()

    def test_wheels_that_cannot_be_opened_are_faults(self, site: Path) -> None:
        def read_document(file: RemoteFile) -> bytes | None:
            match file.filename.rpartition("-")[2]:
                case "null.whl":
                    raise FormatError("is no zip archive")
                case "v2.whl":
                    return None
                case _:
                    return b"{"

        with serve_index(site).running() as url:
            report = check_index(ServerAccess(url, self.fetch), read_document=read_document)
        assert [(fault.rule, fault.message) for fault in report.faults] == [
            ("archive-entry", "is no zip archive"),
            ("label-without-metadata", "has no `variant.json`"),
            ("index-agreement", "the document is not valid JSON"),
        ]

    def test_what_is_broken_is_found(self, site: Path) -> None:
        (site / INDEX_FILE).unlink()
        with serve_index(site).running() as url:
            report = check_index(ServerAccess(url, self.fetch), projects=["demo"])
            assert [fault.rule for fault in report.faults] == ["file-missing"]
            with pytest.raises(SourceError, match="has no root page"):
                check_index(ServerAccess(url + "nothing/", self.fetch))


def test_the_published_index_has_the_faults_known_of_it_and_no_others(shared_data: Path) -> None:
    """Of the anomalies known of this data, those that an index can keep or break."""
    newest = check_folder(shared_data / "real-index" / "v0.0.3-291c782")
    assert (newest.projects, newest.releases, newest.files) == (38, 681, 10115 - 132)
    assert Counter(fault.rule for fault in newest.faults) == {
        "label-empty": 2,
        "label-gap": 1,
        "label-without-wheel": 5,
        "tag-unknown": 1,
        "tag-linux": 15,
        "wheel-twice": 11,
        "platform-excluded": 85,
        "no-fallback": 126,
        "hash-missing": 11,
    }
    found: dict[str, list[str]] = {fault.rule: [] for fault in newest.faults}
    for fault in newest.faults:
        found[fault.rule].append(fault.sentence())
    assert [line.partition(":")[0] for line in found["label-empty"]] == [
        "torch-2.8.0-variants.json",
        "torchvision-0.23.0-variants.json",
    ]
    assert found["label-gap"] == [
        "torch 2.10.0: `cuda12.8` has no wheel for Linux x86_64, where its sister labels have one "
        "[label-gap]"
    ]
    assert found["label-without-wheel"] == [
        "numpy-2.3.3-variants.json: lists `x8664v4_mkl`, which no wheel has [label-without-wheel]",
        "scipy-1.16.2-variants.json: lists `x8664v4_mkl`, which no wheel has [label-without-wheel]",
        *(
            f"torchvision-0.25.0-variants.json: lists `{label}`, which no wheel has [label-without-wheel]"
            for label in ("rocm7.0", "rocm7.1", "xpu")
        ),
    ]
    assert found["tag-unknown"][0].startswith("torch 2.10.0: `macosx_110_0_arm64` is the tag of no")
    assert sum("Windows" in line for line in found["platform-excluded"]) == 70
    assert sum("Linux aarch64" in line for line in found["platform-excluded"]) == 15
    whole = check_folder(shared_data / "real-index")
    older = Counter(fault.rule for fault in whole.faults) - Counter(
        fault.rule for fault in newest.faults
    )
    assert older == {
        "feature-unlisted": 1,  # torch 2.9.0 in schema v0.0.2
        "namespace-unlisted": 4,  # abi_dependency in flash_attn and vllm
        "label-unreachable": 6,  # priority :: cuda, where priority :: order is static
        "label-empty": 1,
        "label-without-wheel": 2,
        "tag-linux": 5,
        "no-fallback": 7,
        "hash-missing": 8,
        "page": 1,  # the folder flash_attn
        "file-missing": 10,  # the example's wheels were not copied
    }


def test_the_how_to_page_lists_every_rule() -> None:
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "publish-variants.md").read_text()
    for name, rule in RULES.items():
        row = f"| `{name}` | {rule.severity} | {rule.sentence} | {rule.source} |"
        assert row in page.splitlines()
