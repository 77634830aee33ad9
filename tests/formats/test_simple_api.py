"""Pages of the simple repository API, read from HTML and from JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.utils import NormalizedName

from vinstall.errors import FormatError
from vinstall.formats.simple_api import (
    ProjectPage,
    RemoteFile,
    link_name,
    parse_hash_fragment,
    parse_links,
    parse_project_html,
    parse_project_json,
)
from vinstall.formats.simple_page import render_project_html, render_project_json

DEMO = NormalizedName("demo")
URL = "https://index.example/simple/demo/"
DIGEST = "5f" * 32
SCALE = int(os.environ.get("VINSTALL_TEST_SCALE", "1"))


def read(body: str, *, url: str = URL) -> tuple[RemoteFile, ...]:
    return tuple(parse_project_html(body, url=url, name=DEMO, source="index.example").files)


def read_json(document: object, *, url: str = URL) -> ProjectPage:
    return parse_project_json(
        json.dumps(document).encode(), url=url, name=DEMO, source="index.example"
    )


def row(**extra: object) -> RemoteFile:
    entry = {"filename": "demo-1.0.tar.gz", "url": "demo-1.0.tar.gz", "hashes": {}} | extra
    return read_json({"meta": {"api-version": "1.0"}, "files": [entry]}).files[0]


class TestAnchors:
    """PEP 503: "an HTML5 page with a single anchor element per file"."""

    def test_a_relative_link_is_taken_from_the_page(self) -> None:
        assert read(f'<a href="../../files/demo-1.0-py3-none-any.whl#sha256={DIGEST}">x</a>') == (
            RemoteFile(
                "demo-1.0-py3-none-any.whl",
                "https://index.example/files/demo-1.0-py3-none-any.whl",
                (("sha256", DIGEST),),
            ),
        )

    @pytest.mark.parametrize(
        ("href", "url"),
        [
            ("demo-1.0.zip", "https://index.example/simple/demo/demo-1.0.zip"),
            ("./demo-1.0.zip", "https://index.example/simple/demo/demo-1.0.zip"),
            ("a/../demo-1.0.zip", "https://index.example/simple/demo/demo-1.0.zip"),
            ("a/b/demo-1.0.zip", "https://index.example/simple/demo/a/b/demo-1.0.zip"),
            ("/demo-1.0.zip", "https://index.example/demo-1.0.zip"),
            ("../../../../demo-1.0.zip", "https://index.example/demo-1.0.zip"),
            ("//cdn.example/demo-1.0.zip", "https://cdn.example/demo-1.0.zip"),
            ("HTTPS://cdn.example/demo-1.0.zip", "https://cdn.example/demo-1.0.zip"),
            (
                "demo-1.0.zip?a=b&amp;c=/d",
                "https://index.example/simple/demo/demo-1.0.zip?a=b&c=/d",
            ),
        ],
    )
    def test_links_resolve_as_in_a_browser(self, href: str, url: str) -> None:
        assert [(file.filename, file.url) for file in read(f'<a href="{href}">x</a>')] == [
            ("demo-1.0.zip", url)
        ]

    def test_the_first_base_counts(self) -> None:
        body = (
            '<base href="https://cdn.example/a/"><base href="https://other.example/">'
            '<a href="demo-1.0.zip">x</a>'
        )
        assert read(body)[0].url == "https://cdn.example/a/demo-1.0.zip"

    def test_a_base_does_not_count_for_the_links_before_it(self) -> None:
        anchor = '<a href="../demo-1.0.zip">x</a>'
        urls = [file.url for file in read(f'{anchor}<base href="https://x.example/a/b/">{anchor}')]
        assert urls == [
            "https://index.example/simple/demo-1.0.zip",
            "https://x.example/a/demo-1.0.zip",
        ]

    def test_attributes_may_be_written_in_any_way(self) -> None:
        body = (
            "<A\n\tdata-yanked  HREF = 'demo-1.0.zip'\n"
            "DATA-Requires-Python='>=3.9, <4' data-core-metadata=true/>"
        )
        assert read(body) == (
            RemoteFile(
                "demo-1.0.zip",
                URL + "demo-1.0.zip",
                requires_python=">=3.9, <4",
                yanked="",
                metadata_hashes=(),
            ),
        )

    def test_a_bracket_inside_quotes_does_not_end_the_tag(self) -> None:
        body = '<a data-requires-python=">=3.9" title="a > b" href="demo-1.0.zip">x</a>'
        assert read(body)[0].requires_python == ">=3.9"

    def test_the_first_of_two_equal_attributes_counts(self) -> None:
        assert (
            read('<a href="demo-1.0.zip" href="demo-2.0.zip">x</a>')[0].url == URL + "demo-1.0.zip"
        )

    def test_character_references_are_resolved_in_every_attribute(self) -> None:
        body = (
            '<a href="demo-1.0&#46;zip" data-requires-python="&gt;=3.9&#44;&lt;4" '
            'data-yanked="&quot;bad&quot; &amp; gone">x</a>'
        )
        assert read(body) == (
            RemoteFile(
                "demo-1.0.zip",
                URL + "demo-1.0.zip",
                requires_python=">=3.9,<4",
                yanked='"bad" & gone',
            ),
        )

    def test_white_space_around_a_link_does_not_count(self) -> None:
        assert read('<a href="\n  demo-1.0.zip\n ">\n demo-1.0.zip \n</a>')[0].filename == (
            "demo-1.0.zip"
        )

    @pytest.mark.parametrize(
        "hidden",
        [
            '<!-- <a href="demo-0.zip">x</a> -->',
            "<style>a:after { content: '<a href=\"demo-0.zip\">' }</style>",
            "<SCRIPT>document.write('<a href=\"demo-0.zip\">')</SCRIPT>",
            '<title><a href="demo-0.zip"></title>',
            '<abbr href="demo-0.zip">x</abbr>',
            "<a name='demo-0.zip'>x</a>",
        ],
    )
    def test_what_is_no_anchor_offers_nothing(self, hidden: str) -> None:
        files = read(f'{hidden}<a href="demo-1.0.zip">x</a>')
        assert [file.filename for file in files] == ["demo-1.0.zip"]

    @pytest.mark.parametrize(
        "text",
        ["<!-- <a href='demo-0.zip'>", "<style> <a href='demo-0.zip'>", '<a href="demo-0.zip'],
    )
    def test_an_end_that_is_missing_hides_the_rest(self, text: str) -> None:
        assert read(text) == ()


class TestHashes:
    """PEP 503: "#<hashname>=<hashvalue>", any algorithm of hashlib that is guaranteed."""

    def test_other_algorithms_are_kept(self) -> None:
        assert read('<a href="demo-1.0.zip#md5=AB12">x</a>')[0].hashes == (("md5", "ab12"),)

    def test_the_strongest_comes_first(self) -> None:
        assert parse_hash_fragment("md5=1&sha256=2&sha512=3") == (
            ("sha512", "3"),
            ("sha256", "2"),
            ("md5", "1"),
        )

    def test_fragments_that_are_no_hash_mean_nothing(self) -> None:
        assert read('<a href="demo-1.0.zip#egg=demo-1.0&subdirectory=a">x</a>')[0].hashes == ()

    def test_an_integrity_attribute_is_ignored(self) -> None:
        body = f'<a href="demo-1.0.zip" integrity="sha256-{DIGEST}">x</a>'
        assert read(body)[0].hashes == ()

    def test_algorithms_that_python_need_not_have_are_left_out(self) -> None:
        assert row(hashes={"blake3": "1", "SHA256": DIGEST.upper(), "md5": 3}).hashes == (
            ("sha256", DIGEST),
        )


class TestCoreMetadata:
    """PEP 658 and PEP 714."""

    @pytest.mark.parametrize(
        ("attributes", "expected"),
        [
            ("", None),
            ('data-core-metadata="true"', ()),
            ('data-core-metadata="false"', None),
            ('data-core-metadata="sha256=ab"', (("sha256", "ab"),)),
            ('data-dist-info-metadata="sha256=ab"', (("sha256", "ab"),)),
            ('data-dist-info-metadata="sha256=cd" data-core-metadata="true"', ()),
            ('data-core-metadata="crc32=ab"', ()),
        ],
    )
    def test_in_html(self, attributes: str, expected: object) -> None:
        assert read(f'<a href="demo-1.0.zip" {attributes}>x</a>')[0].metadata_hashes == expected

    @pytest.mark.parametrize(
        ("keys", "expected"),
        [
            ({}, None),
            ({"core-metadata": True}, ()),
            ({"core-metadata": False, "dist-info-metadata": True}, None),
            ({"core-metadata": {"sha256": "ab"}}, (("sha256", "ab"),)),
            ({"dist-info-metadata": {"sha256": "ab"}}, (("sha256", "ab"),)),
        ],
    )
    def test_in_json(self, keys: dict[str, object], expected: object) -> None:
        assert row(**keys).metadata_hashes == expected


class TestJson:
    """PEP 691 and PEP 700."""

    def test_every_key_is_read(self) -> None:
        page = read_json(
            {
                "meta": {"api-version": "1.4"},
                "name": "demo",
                "versions": ["1.0", "2.0"],
                "project-status": {"status": "archived", "reason": "done"},
                "files": [
                    {
                        "filename": "demo-1.0.zip",
                        "url": "https://cdn.example/demo-1.0.zip",
                        "hashes": {"sha256": DIGEST},
                        "requires-python": ">=3.9",
                        "size": 12,
                        "upload-time": "2026-01-02T03:04:05.678Z",
                        "yanked": "bad",
                        "core-metadata": {"sha256": "ab"},
                        "gpg-sig": True,
                        "provenance": "https://files.example/a.provenance",
                    }
                ],
            }
        )
        assert page == ProjectPage(
            name=DEMO,
            source="index.example",
            files=(
                RemoteFile(
                    filename="demo-1.0.zip",
                    url="https://cdn.example/demo-1.0.zip",
                    hashes=(("sha256", DIGEST),),
                    size=12,
                    requires_python=">=3.9",
                    yanked="bad",
                    metadata_hashes=(("sha256", "ab"),),
                    upload_time="2026-01-02T03:04:05.678Z",
                    provenance="https://files.example/a.provenance",
                ),
            ),
            versions=("1.0", "2.0"),
            status="archived",
        )

    @pytest.mark.parametrize(
        ("written", "read_as"),
        [(None, None), (False, None), (True, ""), ("", None), ("bad", "bad")],
    )
    def test_yanked(self, written: object, read_as: str | None) -> None:
        assert row(yanked=written).yanked == read_as

    @pytest.mark.parametrize("size", [None, "12", -1, True, 1.5])
    def test_a_size_that_is_none_is_unknown(self, size: object) -> None:
        assert row(size=size).size is None

    @pytest.mark.parametrize(
        "entry", [7, {}, {"filename": "demo-1.0.zip"}, {"filename": 1, "url": "demo-1.0.zip"}]
    )
    def test_a_row_without_name_or_url_is_left_out(self, entry: object) -> None:
        assert read_json({"files": [entry]}).files == ()

    @pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[" * 100_000])
    def test_what_is_no_json_is_refused(self, text: bytes) -> None:
        with pytest.raises(FormatError) as caught:
            parse_project_json(text, url=URL, name=DEMO, source="index.example")
        assert caught.value.message == "the page of `demo` is no JSON document"
        assert caught.value.context == ("index.example",)

    @pytest.mark.parametrize("document", [[], {}, {"files": {}}])
    def test_a_document_without_files_is_refused(self, document: object) -> None:
        with pytest.raises(FormatError) as caught:
            read_json(document)
        assert caught.value.message == "the page of `demo` has no list `files`"


class TestVersion:
    """PEP 629: "clients MUST ... fail if the major version is greater than they support"."""

    def test_a_newer_minor_version_is_read(self) -> None:
        assert read_json({"meta": {"api-version": "1.99"}, "files": []}).files == ()

    def test_another_major_version_is_refused(self) -> None:
        message = (
            "the index follows version 2.0 of the simple repository API, "
            "only version 1 is understood"
        )
        with pytest.raises(FormatError) as caught:
            read_json({"meta": {"api-version": "2.0"}, "files": []})
        assert caught.value.message == message
        with pytest.raises(FormatError) as caught:
            read('<meta name="pypi:repository-version" content="2.0">')
        assert caught.value.message == message

    def test_a_version_that_is_none_is_refused(self) -> None:
        with pytest.raises(FormatError) as caught:
            read('<meta content="new" name="pypi:repository-version">')
        assert caught.value.message == "`new` is no version of the simple repository API"

    def test_status_in_html(self) -> None:
        """PEP 792: the meta tag `pypi:project-status`."""
        page = parse_project_html(
            '<meta name="pypi:project-status" content="quarantined">',
            url=URL,
            name=DEMO,
            source="index.example",
        )
        assert page.status == "quarantined"


class TestHostilePages:
    """Nothing a page says leads out of a folder, into this machine, or to another protocol."""

    @pytest.mark.parametrize(
        "href",
        [
            "https://github.com/demo",
            "/",
            "demo-1.0.exe",
            "javascript:alert('demo-1.0.zip')",
            "ftp://cdn.example/demo-1.0.zip",
            "data:application/zip,demo-1.0.zip",
            "file:///etc/demo-1.0.zip",
            "FILE:///etc/demo-1.0.zip",
            "file:demo-1.0.zip",
            "https:demo-1.0.zip/..",
            "//[cdn.example/demo-1.0.zip",
            "..%2Fdemo-1.0.zip",
            "..%5Cdemo-1.0.zip",
            "..\\demo-1.0.zip",
            "C:demo-1.0.zip",
            "demo%0A-1.0.zip",
            "demo\x1b[2J-1.0.zip",
            "demo%00.zip",
        ],
    )
    def test_a_link_that_is_not_to_be_followed_is_left_out(self, href: str) -> None:
        assert read(f'<a href="{href}">x</a>') == ()

    @pytest.mark.parametrize(
        "url",
        ["ftp://cdn.example/demo-1.0.zip", "//[cdn.example/demo-1.0.zip", "/\t/[/demo-1.0.zip"],
    )
    def test_a_place_that_is_not_to_be_followed_is_left_out(self, url: str) -> None:
        good = {"filename": "demo-1.0.zip", "url": "/demo-1.0.zip#sha256=ab"}
        entry = {"filename": "demo-1.0.zip", "url": url}
        assert [file.url for file in read_json({"files": [entry, good]}).files] == [
            "https://index.example/demo-1.0.zip"
        ]

    @pytest.mark.parametrize(
        "filename",
        ["../demo-1.0.zip", "/etc/demo-1.0.zip", "a\\demo-1.0.zip", "C:demo-1.0.zip", "\n.zip"],
    )
    def test_a_file_name_that_leads_elsewhere_is_left_out(self, filename: str) -> None:
        entry = {"filename": filename, "url": "https://cdn.example/demo-1.0.zip"}
        assert read_json({"files": [entry]}).files == ()

    def test_a_folder_may_link_to_files(self) -> None:
        files = read('<a href="../demo-1.0.zip">x</a>', url="file:///srv/simple/demo/")
        assert files[0].url == "file:///srv/simple/demo-1.0.zip"

    def test_a_base_cannot_lead_into_this_machine(self) -> None:
        assert read('<base href="file:///etc/"><a href="demo-1.0.zip">x</a>') == ()

    @pytest.mark.parametrize("part", ["<a ", '<a x="', "<a x='\"", "<style>", "<!--", "<a =", "<"])
    def test_the_cost_stays_linear(self, part: str) -> None:
        assert read(part * 300_000) == ()


class TestLinkName:
    @pytest.mark.parametrize(
        ("url", "name"),
        [
            ("https://x.example/a/torch-2.13.0%2Bcpu.whl", "torch-2.13.0+cpu.whl"),
            ("https://x.example/a/demo.whl?b=/c", "demo.whl"),
            ("https://x.example/a/", ""),
            ("https://x.example/a/..", ""),
            ("https://x.example/a/%2e%2e", ""),
            ("https://x.example/a%2fb.whl", ""),
        ],
    )
    def test_it_is_the_last_part_of_the_path(self, url: str, name: str) -> None:
        assert link_name(url) == name


class _Oracle(HTMLParser):
    """What Python's own parser sees."""

    def __init__(self, url: str) -> None:
        super().__init__(convert_charrefs=True)
        self.base = url
        self.seen: list[tuple[str, str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(reversed(attrs))
        if tag == "a" and (href := (values.get("href") or "").strip()):
            url = urljoin(self.base, href).partition("#")[0]
            name = unquote(url.partition("?")[0].rpartition("/")[2])
            if name.endswith((".whl", ".tar.gz", ".zip", "-variants.json")):
                self.seen.append((name, url, values.get("data-requires-python") or None))


def oracle(text: str, url: str) -> list[tuple[str, str, str | None]]:
    parser = _Oracle(url)
    parser.feed(text)
    parser.close()
    return parser.seen


def seen(text: str, url: str) -> list[tuple[str, str, str | None]]:
    return [(file.filename, file.url, file.requires_python) for file in parse_links(text, url=url)]


def real_pages(folder: Path) -> Iterator[Path]:
    return (page for page in sorted(folder.rglob("index.html")) if page.stat().st_size > 1000)


class TestRealPages:
    """The published variant indexes: large style sheets, padded links, several hosts."""

    def test_every_link_python_sees_is_read(self, shared_data: Path) -> None:
        total = 0
        for page in real_pages(shared_data / "real-index"):
            text = page.read_text()
            links = seen(text, URL)
            assert links == oracle(text, URL), page
            total += len(links)
        assert total > 15_000

    def test_torch(self, shared_data: Path) -> None:
        page = shared_data / "real-index/v0.0.3-291c782/torch/index.html"
        files = read(page.read_text(), url="https://index.example/simple/torch/")
        assert files[0] == RemoteFile(
            "torch-2.10.0-variants.json",
            "https://index.example/simple/torch/torch-2.10.0-variants.json",
            (("sha256", "51ed8a82fe9400a903529f27e830bff78f6f8d6710b78c662d6b948c91ae6a97"),),
        )
        assert files[3] == RemoteFile(
            "torch-2.10.0-cp314-cp314t-win_amd64-xpu.whl",
            "https://download.pytorch.org/whl/variant/torch-2.10.0-cp314-cp314t-win_amd64-xpu.whl",
        )


names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+!-]{0,20}", fullmatch=True)
digests = st.sampled_from(["sha256", "sha512", "md5", "blake2b"]).flatmap(
    lambda name: st.tuples(st.just(name), st.text("0123456789abcdef", min_size=1, max_size=64))
)
plain_text = st.text("<>&;\"'=#/ abclt.3é\u3042", min_size=1)


@st.composite
def remote_files(draw: st.DrawFn) -> RemoteFile:
    name = draw(names) + draw(st.sampled_from([".whl", ".tar.gz", ".zip", "-variants.json"]))
    host = draw(st.sampled_from(["https://cdn.example/", "http://10.0.0.1:8080/a%20b/", URL]))
    query = draw(st.sampled_from(["", "?a=b&amp=c&lt=%3C"]))
    return RemoteFile(
        filename=name,
        url=host + name + query,
        hashes=draw(st.lists(digests, max_size=1).map(tuple)),
        requires_python=draw(st.none() | plain_text),
        yanked=draw(st.none() | st.just("") | plain_text),
        provenance=draw(st.none() | st.just("https://files.example/a.provenance?x=1&y")),
        metadata_hashes=draw(st.none() | st.lists(digests, max_size=1).map(tuple)),
    )


@st.composite
def project_pages(draw: st.DrawFn) -> ProjectPage:
    return ProjectPage(
        name=DEMO,
        source="index.example",
        files=draw(st.lists(remote_files(), max_size=6).map(tuple)),
        status=draw(st.sampled_from([None, "active", "archived", "quarantined"])),
    )


TORN = (
    *("<a ", ">", "</a>", "<br>", "<!-- ", " -->", "<li>", "text", "\n", "/", "=", " = ", " x"),
    *('href="demo-1.0.zip"', "href='b/demo-2.zip'", "href=demo-3.zip", '"y"', "'", '"'),
    *(' data-requires-python=">=3"', ' data-requires-python="&gt;3"'),
)


LINK_PARTS = (
    "../",
    "/",
    "x/",
    "y",
    "a.whl",
    "#",
    "?",
    " ",
    "//",
    ".",
    ":",
    "%2e",
    "http://",
    "file:",
    "[",
    "\t",
)


class TestRoundTrips:
    """Whatever is on a page, its two forms say the same."""

    @settings(max_examples=150 * SCALE)
    @given(page=project_pages())
    def test_html_and_json_of_one_page_read_alike(self, page: ProjectPage) -> None:
        as_html = render_project_html(page)
        as_json = render_project_json(page)
        assert parse_project_html(as_html, url=URL, name=DEMO, source="index.example") == page
        assert parse_project_json(as_json, url=URL, name=DEMO, source="index.example") == page

    @settings(max_examples=50 * SCALE)
    @given(
        page=project_pages(),
        sizes=st.lists(st.integers(0, 10**12), min_size=6, max_size=6),
        versions=st.lists(names).map(tuple),
    )
    def test_json_keeps_sizes_times_and_versions(
        self, page: ProjectPage, sizes: list[int], versions: tuple[str, ...]
    ) -> None:
        files = tuple(
            file._replace(size=size, upload_time="2026-01-02T03:04:05Z")
            for file, size in zip(page.files, sizes, strict=False)
        )
        full = ProjectPage(
            name=page.name, source=page.source, files=files, versions=versions, status=page.status
        )
        text = render_project_json(full)
        assert parse_project_json(text, url=URL, name=DEMO, source="index.example") == full

    @settings(max_examples=300 * SCALE)
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["a.whl", "b.whl", "c d.zip", "e%20.zip", "-.tar.gz", "x.exe"]),
                st.lists(st.sampled_from(LINK_PARTS), max_size=4).map("".join),
            ),
            max_size=6,
        )
    )
    def test_the_link_of_a_file_does_not_depend_on_those_before(
        self, links: list[tuple[str, str]]
    ) -> None:
        rows = [{"filename": filename, "url": f"{start}{filename}"} for filename, start in links]
        alone = [file for row in rows for file in read_json({"files": [dict(row)]}).files]
        assert list(read_json({"files": rows}).files) == alone

    @settings(max_examples=300 * SCALE)
    @given(
        st.lists(
            st.tuples(
                st.lists(st.sampled_from(LINK_PARTS), max_size=4).map("".join),
                st.sampled_from(["a.whl", "b.zip#sha256=AB", "c%20.zip", "x.exe", "a&amp;b.whl "]),
                st.sampled_from(["", ' data-yanked="bad"', " data-requires-python='&gt;3'", " x"]),
            ),
            max_size=6,
        )
    )
    def test_the_anchor_of_a_file_does_not_depend_on_those_before(
        self, links: list[tuple[str, str, str]]
    ) -> None:
        anchors = [f'<a href="{start}{name}"{more}>x</a>' for start, name, more in links]
        assert read("".join(anchors)) == tuple(file for one in anchors for file in read(one))

    @settings(max_examples=150 * SCALE)
    @given(parts=st.lists(st.sampled_from(TORN)))
    def test_torn_html_does_no_harm(self, parts: list[str]) -> None:
        for file in parse_links("".join(parts), url=URL):
            assert file.filename == link_name(file.url)
            assert file.url.startswith(URL)
