"""Host files: one machine, and what several have in common."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.formats.strategies import feature_supports, identifiers
from vinstall.errors import FormatError
from vinstall.formats.host_file import (
    HostFacts,
    HostFile,
    HostProvider,
    lost_features,
    merge_host_files,
    parse_host_file,
    render_host_file,
)
from vinstall.formats.support import FeatureSupport
from vinstall.values import replace

UV_EXAMPLE = """
[metadata]
created-by = "tool-that-created-the-file"
version = "0.1"

[[provider]]
resolved = ["cpu_level_provider==0.1"]
plugin-api = "cpu_level_provider"
namespace = "cpu_level"

[provider.properties]
x86_64_level = ["v1", "v2"]

[[provider]]
resolved = ["nvidia-variant-provider==0.0.1"]
namespace = "nvidia"

[provider.properties]
sm_arch = ["90_real", "80_real"]
cuda_version_lower_bound = ["12.8"]

[[provider]]
namespace = "amd"
resolved = []
"""

texts = st.text(st.characters(codec="utf-8"), max_size=8)
provider_values = st.builds(
    HostProvider,
    features=st.just(()) | feature_supports(),
    resolved=st.lists(texts, max_size=2, unique=True).map(tuple),
    plugin_api=st.none() | texts,
)
few = st.sampled_from(["nvidia", "amd", "x86_64"])
facts = st.builds(
    HostFacts,
    machine=texts,
    libc=st.sampled_from(["", "glibc 2.36", "glibc 2.4", "musl 1.2", "odd"]),
    python=texts,
    markers=st.dictionaries(identifiers, texts, max_size=2),
    how=st.dictionaries(few, texts, max_size=2),
)
hosts = st.builds(
    HostFile,
    providers=st.dictionaries(few, provider_values, max_size=3),
    facts=facts,
    created_by=texts,
)


class TestText:
    def test_the_shape_uv_reads(self) -> None:
        assert parse_host_file(UV_EXAMPLE) == HostFile(
            providers={
                "cpu_level": HostProvider(
                    features=(FeatureSupport("x86_64_level", ("v1", "v2")),),
                    resolved=("cpu_level_provider==0.1",),
                    plugin_api="cpu_level_provider",
                ),
                "nvidia": HostProvider(
                    features=(
                        FeatureSupport("sm_arch", ("90_real", "80_real")),
                        FeatureSupport("cuda_version_lower_bound", ("12.8",)),
                    ),
                    resolved=("nvidia-variant-provider==0.0.1",),
                ),
                "amd": HostProvider(),
            },
            created_by="tool-that-created-the-file",
        )

    def test_is_written_in_that_shape(self) -> None:
        host = HostFile(
            providers={
                "x": HostProvider(
                    features=(FeatureSupport("b", ("2",)), FeatureSupport("a", ("1", "0"))),
                    resolved=("x-provider==1",),
                    plugin_api="x",
                ),
                "amd": HostProvider(),
            },
            facts=HostFacts(machine="x86_64", libc="glibc 2.36", how={"x": "asked"}),
        )
        assert render_host_file(host) == (
            """[metadata]
created-by = "vinstall"
version = "0.1"

[[provider]]
namespace = "amd"
resolved = []

[provider.properties]

[[provider]]
namespace = "x"
resolved = [
    "x-provider==1",
]
plugin-api = "x"

[provider.properties]
b = [
    "2",
]
a = [
    "1",
    "0",
]

[host]
machine = "x86_64"
libc = "glibc 2.36"

[host.how]
x = "asked"
"""
        )

    @given(hosts)
    def test_reads_back_as_it_was(self, host: HostFile) -> None:
        text = render_host_file(host)
        assert parse_host_file(text) == host
        assert {"metadata", "provider"} <= tomllib.loads(text).keys()

    def test_a_feature_without_values_is_not_supported(self) -> None:
        text = UV_EXAMPLE.replace('["v1", "v2"]', "[]")
        assert parse_host_file(text).providers["cpu_level"].features == ()

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            (UV_EXAMPLE, "x", "the text is not valid TOML"),
            ('version = "0.1"', "", "metadata.version: is missing"),
            ('version = "0.1"', 'version = "1.0"', "metadata.version: `1.0` is not known"),
            ('version = "0.1"', "version = 0.1", "metadata.version: is not a string"),
            (UV_EXAMPLE, '[metadata]\nversion = "0.1"\n[provider]', "provider: is not a list of tables"),
            ('namespace = "nvidia"', "", "provider 2.namespace: is missing or no namespace"),
            ('namespace = "nvidia"', 'namespace = "NV"', "provider 2.namespace: is missing or no namespace"),
            ('namespace = "nvidia"', 'namespace = "cpu_level"', "provider 2: describes `cpu_level` again"),
            ('["12.8"]', '"12.8"', "provider 2.properties.cuda_version_lower_bound: is not a list of strings"),
            ('["12.8"]', '["12-8"]', "provider 2.properties.cuda_version_lower_bound: has the invalid item `12-8`"),
            ('["12.8"]', '["1", "1"]', "provider 2.properties.cuda_version_lower_bound: lists an item more than once"),
            ("sm_arch", "SM", "provider 2.properties.SM: is no feature name"),
            ("resolved = []", "resolved = 1", "provider 3.resolved: is not a list of strings"),
            ("resolved = []", "resolved = []\nproperties = 1", "provider 3.properties: is not a table"),
            ("resolved = []", "resolved = []\n[host]\nlibc = 1", "host.libc: is not a string"),
            ("resolved = []", "resolved = []\n[host]\nhow = 1", "host.how: is not a table"),
        ],
    )  # fmt: skip
    def test_faults_are_named(self, old: str, new: str, message: str) -> None:
        with pytest.raises(FormatError) as caught:
            parse_host_file(UV_EXAMPLE.replace(old, new, 1))
        assert caught.value.message == message

    @given(st.text(max_size=40) | st.binary(max_size=40))
    def test_any_text_is_a_host_or_a_format_error(self, text: str | bytes) -> None:
        with pytest.raises(FormatError):
            parse_host_file(text)


def host(facts: HostFacts | None = None, **providers: dict[str, list[str]]) -> HostFile:
    return HostFile(
        providers={
            namespace: HostProvider(
                features=tuple(FeatureSupport(name, tuple(v)) for name, v in features.items())
            )
            for namespace, features in providers.items()
        },
        facts=facts or HostFacts(),
    )


def as_sets(found: HostFile) -> object:
    return {
        namespace: {name: frozenset(values) for name, values, _ in provider.features}
        for namespace, provider in found.providers.items()
    }


class TestMerging:
    def test_keeps_what_all_support_in_the_order_of_the_first(self) -> None:
        first = host(nvidia={"cuda": ["13.0", "12.8", "12"], "sm_arch": ["90_real", "90_virtual"]})
        second = host(nvidia={"sm_arch": ["80_real"], "cuda": ["12", "12.8"]})
        merged = merge_host_files(first, second)
        assert merged == host(nvidia={"cuda": ["12.8", "12"]})
        assert lost_features((first, second), merged) == (("nvidia", "sm_arch"),)

    def test_a_namespace_one_machine_does_not_list_supports_nothing(self) -> None:
        first, second = host(x86_64={"level": ["v3"]}), host(nvidia={"cuda": ["12"]})
        assert merge_host_files(first, second) == host(x86_64={}, nvidia={})

    def test_facts_are_kept_where_they_are_the_same(self) -> None:
        one = HostFacts(
            machine="x86_64", libc="glibc 2.36", python="3.11", how={"a": "1", "b": "2"}, markers={"x": "y"}
        )  # fmt: skip
        other = replace(one, libc="glibc 2.4", python="3.12", how={"a": "1", "b": "3"}, markers={})
        assert merge_host_files(host(one), host(other)).facts == HostFacts(
            machine="x86_64", libc="glibc 2.4", how={"a": "1"}
        )
        musl = replace(one, libc="musl 1.2")
        assert merge_host_files(host(one), host(musl)).facts.libc == ""

    def test_providers_that_are_not_the_same_are_not_named(self) -> None:
        one = HostFile(providers={"x": HostProvider(resolved=("a==1", "b==1"), plugin_api="a")})
        other = HostFile(providers={"x": HostProvider(resolved=("b==1", "a==2"), plugin_api="b")})
        assert merge_host_files(one, other).providers == {"x": HostProvider(resolved=("b==1",))}

    @given(hosts)
    def test_with_itself_changes_nothing(self, found: HostFile) -> None:
        assert merge_host_files(found) == merge_host_files(found, found) == found

    @given(hosts, hosts, hosts)
    def test_supports_the_same_in_any_order(self, a: HostFile, b: HostFile, c: HostFile) -> None:
        expected = as_sets(merge_host_files(a, b, c))
        for order in ((a, c, b), (b, a, c), (b, c, a), (c, a, b), (c, b, a)):
            assert as_sets(merge_host_files(*order)) == expected
        assert merge_host_files(a, merge_host_files(b, c)) == merge_host_files(a, b, c)

    @given(hosts, hosts)
    def test_never_says_more_than_each_part(self, a: HostFile, b: HostFile) -> None:
        merged = merge_host_files(a, b)
        assert merged.providers.keys() == a.providers.keys() | b.providers.keys()
        for part in (a, b):
            for namespace, provider in merged.providers.items():
                theirs = part.providers.get(namespace, HostProvider()).features
                known = {(name, value) for name, values, _ in theirs for value in values}
                assert known >= {(n, v) for n, values, _ in provider.features for v in values}
        for namespace, provider in merged.providers.items():
            listed = a.providers.get(namespace, HostProvider()).features
            order = [(name, value) for name, values, _ in listed for value in values]
            found = [(name, value) for name, values, _ in provider.features for value in values]
            assert found == [pair for pair in order if pair in found]
