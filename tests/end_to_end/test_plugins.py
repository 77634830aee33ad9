"""Plugins of strangers, end to end: never without trust, and never in the way."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.end_to_end.scene import NO_GPU, SCHEMA, Properties, Scene
from tests.providers.plugins import HEAD
from tests.support.command import Ran
from tests.support.wheels import make_wheel
from vinstall.sources.default_index import default_index

RELEASE = "provider-variant-x86-64==0.0.1.post2"
SHA256 = "85f28e5a4a066f31d22d2c3818a1b87a1a3efc058dc33b6733921b65ea34ee0f"
"""Of the published wheel."""
FAST: Properties = {"acme": {"speed": ["9"]}}

GOOD = """
    class Acme:
        namespace = "acme"

        @classmethod
        def get_supported_configs(cls):
            return [Config("speed", ["9", "8"])]
"""


class Case:
    """One project whose `fast` build needs what only a plugin can tell."""

    def __init__(
        self, scene: Scene, namespace: str, requirement: str, api: str, properties: Properties
    ) -> None:
        self.scene = scene
        document = {
            "$schema": SCHEMA,
            "default-priorities": {"namespace": [namespace]},
            "providers": {namespace: {"requires": [requirement], "plugin-api": api}},
            "variants": {"fast": properties},
        }
        scene.wheel("lib", label="fast", variant_json=document)
        scene.wheel("lib")
        scene.variants_file("lib", "1.0", json.dumps(document))

    def run(self, *words: str | Path, variables: Mapping[str, str] | None = None) -> Ran:
        """Install the project."""
        return self.scene.run("lib", *words, variables=variables)

    @property
    def label(self) -> str:
        """Which build was installed."""
        return self.scene.python_says("import lib; print(lib.LABEL)")

    @property
    def prepared(self) -> list[Path]:
        """What was installed of plugins."""
        return list(self.scene.home.glob(".cache/vinstall/plugins/*/site/*"))

    @property
    def consent(self) -> dict[str, str]:
        """The record of what was trusted: plugin → hash."""
        path = self.scene.home / ".local" / "share" / "vinstall" / "trusted-plugins.json"
        if not path.exists():
            return {}
        return {one["plugin"]: one["sha256"] for one in json.loads(path.read_text())["plugins"]}


def publish_plugin(scene: Scene, source: str = GOOD, name: str = "acme-provider") -> str:
    """A plugin on the index of the scene; the hash of its wheel."""
    text = HEAD + textwrap.dedent(source)
    wheel = make_wheel(scene.index / name, name, files={"acme.py": text})
    return hashlib.sha256(wheel.read_bytes()).hexdigest()


def indented(source: str) -> str:
    """`source` as the body of a block."""
    return "\n" + textwrap.indent(textwrap.dedent(source), "    ")


@pytest.fixture
def acme(scene: Scene) -> Case:
    """A project that needs `acme-provider`."""
    return Case(scene, "acme", "acme-provider>=1", "acme:Acme", FAST)


TRUST = ("--trust-provider", "acme-provider==1.0")
UNTRUSTED = (
    "note: 1 label is skipped for `acme`: the plugin `acme-provider` is not trusted; "
    "`--trust-provider acme-provider==VERSION` lets it run"
)


class TestTrust:
    """Who may consent, to what, and where it is written down."""

    def test_without_it_nothing_is_installed_of_the_plugin(self, acme: Case) -> None:
        publish_plugin(acme.scene)
        ran = acme.run()
        assert ran.code == 0
        assert ran.err.splitlines().count(UNTRUSTED) == 1
        assert (acme.label, acme.prepared, acme.consent) == ("None", [], {})

    def test_with_it_the_plugin_is_asked_once_and_its_answer_remembered(self, acme: Case) -> None:
        sha256 = publish_plugin(acme.scene)
        first = acme.run(*TRUST, "-v")
        assert first.code == 0, first.err
        assert "`acme`: plugin acme-provider==1.0 (asked)" in first.err
        assert (acme.label, acme.consent) == ("fast", {"acme-provider==1.0": sha256})
        again = acme.run(*TRUST, "-v", "--reinstall")
        assert "`acme`: plugin acme-provider==1.0 (remembered)" in again.err

    def test_what_was_chosen_with_it_stays_without_it(self, acme: Case) -> None:
        publish_plugin(acme.scene)
        acme.scene.wheel("app", requires=["lib"])
        assert acme.run(*TRUST).code == 0
        ran = acme.scene.run("app")
        assert ran.code == 0
        assert (
            "note: `lib` 1.0 stays the variant `fast`; a plain wheel would be chosen now, "
            "`--reselect` switches"
        ) in ran.err.splitlines()
        assert acme.label == "fast"
        checked = acme.scene.run_alone("check", "--python", acme.scene.python)
        assert (checked.code, "no longer runs here" in checked.out) == (0, False)

    def test_what_the_plugin_no_longer_lists_is_replaced(self, acme: Case) -> None:
        slower = GOOD.replace('"9", ', "")
        on = f"import os\nFAST = os.path.exists({str(acme.scene.root / 'fast')!r})"
        publish_plugin(acme.scene, f"{on}\nif FAST:{indented(GOOD)}\nelse:{indented(slower)}")
        (acme.scene.root / "fast").touch()
        assert acme.run(*TRUST).code == 0
        assert acme.label == "fast"
        (acme.scene.root / "fast").unlink()
        acme.scene.forget_cache()
        assert acme.run(*TRUST).code == 0
        assert acme.label == "None"

    def test_a_wrong_hash_is_refused(self, acme: Case) -> None:
        found = publish_plugin(acme.scene)
        ran = acme.run("--trust-provider", f"acme-provider==1.0@sha256:{'0' * 64}")
        assert ran.code == 0
        assert "warning: the plugin `acme-provider==1.0` for `acme` could not be" in ran.err
        assert f"has the hash `sha256:{found}`, which is not among those required" in ran.err
        assert (acme.label, acme.prepared, acme.consent) == ("None", [], {})

    def test_another_file_under_the_same_name_does_not_run(self, acme: Case) -> None:
        publish_plugin(acme.scene)
        assert acme.run(*TRUST).code == 0
        publish_plugin(acme.scene, GOOD.replace('"9"', '"9", "10"'))
        acme.scene.forget_cache()
        ran = acme.run(*TRUST, "--reinstall")
        assert "warning: the plugin `acme-provider==1.0` for `acme` could not be" in ran.err
        assert acme.label == "None"

    def test_only_wheels_means_that_no_plugin_runs(self, acme: Case) -> None:
        publish_plugin(acme.scene)
        ran = acme.run(*TRUST, "--only-binary", ":all:")
        assert (
            "note: 1 label is skipped for `acme`: `--only-binary :all:` rules out running the "
            "plugin `acme-provider`"
        ) in ran.err.splitlines()
        assert (acme.label, acme.prepared) == ("None", [])

    def test_where_hashes_are_required_the_plugin_needs_one(self, acme: Case) -> None:
        sha256 = publish_plugin(acme.scene)
        hashes = [
            f"--hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"
            for wheel in sorted((acme.scene.index / "lib").glob("*.whl"))
        ]
        (acme.scene.root / "r.txt").write_text(f"lib==1.0 {' '.join(hashes)}\n")
        ran = acme.scene.run("-r", "r.txt", *TRUST)
        assert "`--require-hashes` needs the hash of the plugin `acme-provider==1.0`" in ran.err
        assert (acme.label, acme.prepared) == ("None", [])
        trust = f"acme-provider==1.0@sha256:{sha256}"
        ran = acme.scene.run("-r", "r.txt", "--trust-provider", trust, "--reinstall")
        assert ran.code == 0, ran.err
        assert acme.label == "fast"

    def test_a_project_cannot_consent_for_its_users(self, acme: Case) -> None:
        publish_plugin(acme.scene)
        path = acme.scene.root / "vinstall.toml"
        path.write_text('trust-provider = ["acme-provider==1.0"]\n')
        ran = acme.run()
        assert ran.code == 2
        assert "`trust-provider`" in ran.err
        assert (acme.scene.installed(), acme.prepared) == ({}, [])

    def test_the_users_own_file_can(self, acme: Case) -> None:
        publish_plugin(acme.scene)
        folder = acme.scene.home / ".config" / "vinstall"
        folder.mkdir(parents=True)
        (folder / "vinstall.toml").write_text('trust-provider = ["acme-provider==1.0"]\n')
        assert acme.run().code == 0
        assert acme.label == "fast"

    def test_so_can_a_variable(self, acme: Case) -> None:
        publish_plugin(acme.scene)
        ran = acme.run(variables={"VINSTALL_TRUST_PROVIDER": "acme-provider==1.0"})
        assert ran.code == 0
        assert acme.label == "fast"

    def test_a_plugin_comes_from_wheels_alone(self, acme: Case) -> None:
        folder = acme.scene.index / "acme-provider"
        folder.mkdir()
        (folder / "acme_provider-1.0.tar.gz").write_bytes(b"never opened")
        ran = acme.run(*TRUST)
        assert ran.code == 0
        assert "warning: the plugin `acme-provider==1.0` for `acme` could not be" in ran.err
        assert (acme.label, acme.prepared) == ("None", [])

    def test_a_described_target_is_not_asked_of_it(self, acme: Case) -> None:
        publish_plugin(acme.scene)
        ran = acme.run(*TRUST, "--python-platform", "aarch64-manylinux_2_28", "--target", "site")
        assert ran.code == 0, ran.err
        assert "a plugin cannot be asked about a target that is only described" in ran.err
        assert acme.prepared == []


MISBEHAVIOUR = {
    "crashes": (
        'raise RuntimeError("no such device")',
        "RuntimeError: no such device",
    ),
    "ends the process": (
        "import os\nos._exit(3)",
        "ended with exit code 3",
    ),
    "returns nonsense": (
        "class Acme:\n    @classmethod\n    def get_supported_configs(cls):\n        return 42\n",
        "TypeError: ",
    ),
    "returns properties that are none": (
        "class Acme:\n    @classmethod\n    def get_supported_configs(cls):\n"
        '        return [Config("Speed!", ["NINE"])]\n',
        "`Speed!`",
    ),
    "prints without end": (
        'import time\nwhile True:\n    print("x" * 65536, flush=True)\n    time.sleep(0.01)\n',
        "printed more than 1 MiB",
    ),
    "speaks for another namespace": (
        'class Acme:\n    namespace = "nvidia"\n    @classmethod\n'
        '    def get_supported_configs(cls):\n        return [Config("speed", ["9"])]\n',
        "`nvidia`",
    ),
    "is not there": (
        "x = 1",
        "AttributeError: ",
    ),
}


class TestMisbehaviour:
    """The install goes on, and the user is told."""

    @pytest.mark.parametrize("name", MISBEHAVIOUR)
    def test_the_plain_wheel_is_installed_with_a_warning(self, acme: Case, name: str) -> None:
        source, fault = MISBEHAVIOUR[name]
        publish_plugin(acme.scene, source)
        ran = acme.run(*TRUST)
        assert ran.code == 0, ran.err
        told = [line for line in ran.err.splitlines() if line.startswith("warning: ")]
        assert len(told) == 1
        assert told[0].startswith("warning: the plugin `acme-provider==1.0` for `acme` ")
        assert fault in told[0]
        assert acme.label == "None"

    @pytest.mark.skipif("VINSTALL_TEST_SCALE" not in os.environ, reason="takes 20 seconds")
    def test_one_that_hangs_is_given_up(self, acme: Case) -> None:
        publish_plugin(acme.scene, "import time\ntime.sleep(600)")
        ran = acme.run(*TRUST)
        assert (
            "warning: the plugin `acme-provider==1.0` for `acme` did not answer within 20 seconds"
        ) in ran.err.splitlines()
        assert (ran.code, acme.label) == (0, "None")

    def test_how_long_that_takes_is_the_users_choice(self, acme: Case) -> None:
        publish_plugin(acme.scene, "import time\ntime.sleep(600)")
        ran = acme.run(*TRUST, "--provider-timeout", "1.5")
        assert (
            "warning: the plugin `acme-provider==1.0` for `acme` did not answer within 1.5 seconds"
        ) in ran.err.splitlines()
        ran = acme.run(*TRUST, "--reinstall", variables={"VINSTALL_PROVIDER_TIMEOUT": "0.5"})
        assert "did not answer within 0.5 seconds" in ran.err
        assert (ran.code, acme.label) == (0, "None")

    def test_one_that_prints_is_understood_and_not_heard(self, acme: Case) -> None:
        noise = 'import os, sys\nprint("loud")\nos.write(1, b"louder")\nsys.stderr.write("loudest")'
        publish_plugin(acme.scene, f"{noise}\n{textwrap.dedent(GOOD)}")
        ran = acme.run(*TRUST)
        assert ran.code == 0, ran.err
        assert "loud" not in ran.out + ran.err
        assert acme.label == "fast"

    @pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
    def test_one_that_forks_leaves_nothing_running(self, acme: Case) -> None:
        trail = acme.scene.root / "child.txt"
        fork = f"""import os, time
if os.fork() == 0:
    open({str(trail)!r}, "w").write(str(os.getpid()))
    time.sleep(600)
time.sleep(1)"""
        publish_plugin(acme.scene, f"{fork}\n{textwrap.dedent(GOOD)}")
        ran = acme.run(*TRUST)
        assert ran.code == 0, ran.err
        assert acme.label == "fast"
        assert not is_running(int(trail.read_text()))

    def test_one_that_changes_the_environment_changes_its_own_home_alone(self, acme: Case) -> None:
        home = "import os, pathlib\npathlib.Path.home().joinpath('left').write_text('x')"
        secret = "assert not any('SECRET' in name for name in os.environ)"
        publish_plugin(acme.scene, f"{home}\n{secret}\n{textwrap.dedent(GOOD)}")
        ran = acme.run(*TRUST, variables={"A_SECRET": "hush"})
        assert ran.code == 0, ran.err
        assert acme.label == "fast"
        assert not (acme.scene.home / "left").exists()


def is_running(pid: int) -> bool:
    """Whether there is such a process that has not ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in ("Z", "X")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A project whose `fast` build needs level 2, as the published plugin for x86-64 tells it.

    A requirement with a URL is not one that the built-in stands for; nothing is read from there.
    """
    scene = Scene(tmp_path_factory.mktemp("published"))
    scene.make_environment()
    scene.variables.update(NO_GPU)
    return Case(
        scene,
        "x86_64",
        "provider-variant-x86-64 @ https://index.example/provider.whl",
        "provider_variant_x86_64.plugin:X8664Plugin",
        {"x86_64": {"level": ["v2"]}},
    )


@pytest.mark.network
@pytest.mark.slow
class TestPublishedPlugin:
    """`provider-variant-x86-64` 0.0.1.post2 from the default index, by the API of its day."""

    @pytest.mark.parametrize(
        ("words", "label", "said"),
        [
            (
                (),
                "None",
                "note: 1 label is skipped for `x86_64`: the plugin `provider-variant-x86-64` is not "
                "trusted; `--trust-provider provider-variant-x86-64==VERSION` lets it run",
            ),
            (
                ("--trust-provider", f"{RELEASE}@sha256:{'0' * 64}"),
                "None",
                f"warning: the plugin `{RELEASE}` for `x86_64` could not be prepared: ",
            ),
            (
                ("--trust-provider", RELEASE, "--only-binary", ":all:"),
                "None",
                "note: 1 label is skipped for `x86_64`: `--only-binary :all:` rules out running the "
                "plugin `provider-variant-x86-64`",
            ),
            (("--trust-provider", RELEASE), "fast", "installed 1 project in "),
            (("--trust-provider", f"{RELEASE}@sha256:{SHA256}"), "fast", "installed 1 project in "),
        ],
        ids=["untrusted", "another-file", "only-wheels", "trusted", "that-file"],
    )
    def test_it_decides_only_where_it_is_trusted(
        self, published: Case, words: tuple[str, ...], label: str, said: str
    ) -> None:
        index = ("--index-for", f"provider-variant-x86-64={default_index()}")
        ran = published.run(*index, *words, "--reinstall")
        assert ran.code == 0, ran.err
        assert published.label == label
        assert any(line.startswith(said) for line in ran.err.splitlines()), ran.err
        assert published.consent == ({RELEASE: SHA256} if label == "fast" else {})
