"""Plugins that run: every shape they come in, and every way they go wrong."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import NormalizedName
from packaging.version import Version

from tests.providers.plugins import Memory, Workshop
from vinstall.errors import NetworkError
from vinstall.formats.support import FeatureSupport, NamespaceAnswer
from vinstall.providers.consent import ConsentBook
from vinstall.providers.plugin import IsolatedPluginRunner, PreparedPlugin
from vinstall.providers.provider import PluginQuestion
from vinstall.providers.trust import parse_trust
from vinstall.values import replace

SPEED = FeatureSupport("speed", ("9", "8"), True)
COLOUR = FeatureSupport("colour", ("red",))
PLUGIN = "the plugin `acme-provider==1.0` for `acme`"


def runner(tmp_path: Path, source: str | None = None, **settings: Any) -> IsolatedPluginRunner:
    """A runner for one plugin, `source`."""
    workshop = Workshop(tmp_path) if source is None else Workshop(tmp_path, source)
    given: dict[str, Any] = {
        "prepare": workshop,
        "consent": ConsentBook(path=tmp_path / "consent" / "plugins.json"),
        "environ": {"PATH": os.defpath},
        **settings,
    }
    return IsolatedPluginRunner(**given)


def question(
    api: str = "acme:Acme", trust: str = "acme-provider==1.0", namespace: str = "acme"
) -> PluginQuestion:
    """What a plugin is asked."""
    return PluginQuestion(namespace=namespace, plugin=parse_trust(trust), plugin_api=api)


def failed(warning: str) -> NamespaceAnswer:
    """The answer for a plugin that went wrong."""
    return NamespaceAnswer(unavailable=warning, warnings=(warning,), unanswered=True)


CONFIGS = '[Config("speed", ["9", "8"], True), Config("colour", ["red"])]'
SHAPES: Mapping[str, tuple[str, str]] = {
    "class method": (
        "acme:Acme",
        f"class Acme:\n @classmethod\n def get_supported_configs(cls): return {CONFIGS}",
    ),
    "cached class method": (
        "acme:Acme",
        "import functools\nclass Acme:\n @classmethod\n @functools.lru_cache\n"
        f" def get_supported_configs(cls): return {CONFIGS}",
    ),
    "static method": (
        "acme:Acme",
        f"class Acme:\n @staticmethod\n def get_supported_configs(): return {CONFIGS}",
    ),
    "module function": ("acme", f"def get_supported_configs(): return {CONFIGS}"),
    "module function, empty object": ("acme:", f"def get_supported_configs(): return {CONFIGS}"),
    "class to instantiate": (
        "acme:Acme",
        "class Acme:\n def __init__(self): self.found = 1\n"
        f" def get_supported_configs(self): return {CONFIGS}",
    ),
    "instance": (
        "acme:plugin",
        "class Acme:\n namespace = 'acme'\n"
        f" def get_supported_configs(self): return {CONFIGS}\nplugin = Acme()",
    ),
    "nested object": (
        "acme:Outer.Inner",
        "class Outer:\n class Inner:\n  @staticmethod\n"
        f"  def get_supported_configs(): return {CONFIGS}",
    ),
    "function that makes an instance": (
        "acme:make",
        f"class Acme:\n def get_supported_configs(self): return {CONFIGS}\n"
        "def make(): return Acme()",
    ),
    "old API on an instance": (
        "acme:Acme",
        "class Acme:\n namespace = 'acme'\n"
        f" def get_supported_configs(self, known_properties): return {CONFIGS}",
    ),
    "old API on a class": (
        "acme:Acme",
        "class Acme:\n @classmethod\n"
        f" def get_supported_configs(cls, known_properties): return {CONFIGS}",
    ),
    "argument with a default": (
        "acme:Acme",
        f"class Acme:\n @classmethod\n def get_supported_configs(cls, context=7):\n"
        f"  assert context == 7\n  return {CONFIGS}",
    ),
    "generators and tuples": (
        "acme:Acme",
        "class Acme:\n def get_supported_configs(self):\n"
        "  yield Config('speed', ('9', '8'), True)\n  yield Config('colour', iter(['red']))",
    ),
    "a feature with no values": (
        "acme",
        "def get_supported_configs():\n"
        " return [Config('speed', ['9', '8'], True), Config('gpu', []), Config('colour', ['red'])]",
    ),
}


class TestShapes:
    @pytest.mark.parametrize("shape", sorted(SHAPES))
    def test_every_shape_is_accepted(self, tmp_path: Path, shape: str) -> None:
        api, source = SHAPES[shape]
        found = runner(tmp_path, source).ask(question(api))
        assert found == NamespaceAnswer(
            features=(SPEED, COLOUR), how="plugin acme-provider==1.0 (asked)"
        )

    def test_without_multi_value_it_is_false(self, tmp_path: Path) -> None:
        source = "class Old:\n name = 'speed'\n values = ['9']\ndef get_supported_configs(): return [Old]"
        found = runner(tmp_path, source).ask(question("acme"))
        assert found.features == (FeatureSupport("speed", ("9",), False),)

    def test_nothing_supported_is_an_answer(self, tmp_path: Path) -> None:
        found = runner(tmp_path, "def get_supported_configs(): return []").ask(question("acme"))
        assert found == NamespaceAnswer(how="plugin acme-provider==1.0 (asked)")


class TestMisbehaviour:
    """The install goes on, and the user is told."""

    def ask(self, tmp_path: Path, body: str, seconds: float = 20.0) -> NamespaceAnswer:
        """The answer of a plugin whose method has this body."""
        lines = "\n".join(f" {line}" for line in body.splitlines())
        source = f"import os, subprocess, sys, time\ndef get_supported_configs():\n{lines}"
        return runner(tmp_path, source, seconds=seconds).ask(question("acme"))

    def test_one_that_prints_does_not_disturb_its_answer(self, tmp_path: Path) -> None:
        body = (
            "print('{\"features\": []}')\nsys.stderr.write('noise')\n"
            "os.write(1, b'raw')\nsubprocess.run(['echo', 'child'])\n"
            f"print('x' * 100_000)\nreturn {CONFIGS}"
        )
        assert self.ask(tmp_path, body).features == (SPEED, COLOUR)

    def test_one_that_prints_without_end_is_stopped(self, tmp_path: Path) -> None:
        found = self.ask(tmp_path, "while True: print('x' * 10_000, flush=True)")
        assert found in (
            failed(f"{PLUGIN} printed more than 1 MiB"),
            # Where the system holds the process to a limit first.
            failed(f"{PLUGIN} failed: OSError: [Errno 27] File too large"),
        )

    @pytest.mark.parametrize(
        ("body", "fault"),
        [
            ("raise ValueError('no\\n\\x1b[31mdevice')", "failed: ValueError: no [31mdevice"),
            ("sys.exit(0)", "failed: SystemExit: 0"),
            ("os._exit(3)", "ended with exit code 3"),
            ("os._exit(0)", "ended without an answer"),
            ("os.kill(os.getpid(), 11)", "was ended by signal 11"),
            ("raise KeyboardInterrupt", "failed: KeyboardInterrupt: "),
            (
                "import missing_module",
                "failed: ModuleNotFoundError: No module named 'missing_module'",
            ),
        ],
    )
    def test_one_that_crashes(self, tmp_path: Path, body: str, fault: str) -> None:
        assert self.ask(tmp_path, body) == failed(f"{PLUGIN} {fault}".rstrip())

    def test_one_that_hangs_is_stopped(self, tmp_path: Path) -> None:
        started = time.monotonic()
        found = self.ask(tmp_path, "time.sleep(60)", seconds=0.5)
        assert found == failed(f"{PLUGIN} did not answer within 0.5 seconds")
        assert time.monotonic() - started < 10

    def test_one_that_leaves_threads_behind_does_not_hold_up_the_end(self, tmp_path: Path) -> None:
        body = (
            "import threading\nthreading.Thread(target=time.sleep, args=(60,)).start()\n"
            f"return {CONFIGS}"
        )
        started = time.monotonic()
        assert self.ask(tmp_path, body).features == (SPEED, COLOUR)
        assert time.monotonic() - started < 10

    def test_what_one_that_forks_leaves_running_is_killed(self, tmp_path: Path) -> None:
        pid_file = tmp_path / "pid"
        body = (
            "pid = os.fork()\nif pid == 0: time.sleep(60)\n"
            f"open({str(pid_file)!r}, 'w').write(str(pid))\nreturn {CONFIGS}"
        )
        started = time.monotonic()
        assert self.ask(tmp_path, body).features == (SPEED, COLOUR)
        assert time.monotonic() - started < 10
        assert _is_gone(int(pid_file.read_text()))

    def test_one_that_escapes_does_not_hold_up_the_end(self, tmp_path: Path) -> None:
        body = f"if os.fork() == 0:\n os.setsid()\n time.sleep(5)\nreturn {CONFIGS}"
        started = time.monotonic()
        assert self.ask(tmp_path, body).features == (SPEED, COLOUR)
        assert time.monotonic() - started < 4

    def test_both_halves_of_a_fork_give_one_answer(self, tmp_path: Path) -> None:
        assert self.ask(tmp_path, f"os.fork()\nreturn {CONFIGS}").features == (SPEED, COLOUR)

    def test_a_fork_that_hangs_with_its_parent_is_killed_too(self, tmp_path: Path) -> None:
        pid_file = tmp_path / "pid"
        body = (
            f"pid = os.fork()\nif pid: open({str(pid_file)!r}, 'w').write(str(pid))\ntime.sleep(60)"
        )
        found = self.ask(tmp_path, body, seconds=1.0)
        assert found == failed(f"{PLUGIN} did not answer within 1 seconds")
        assert _is_gone(int(pid_file.read_text()))

    @pytest.mark.parametrize(
        ("body", "fault"),
        [
            ("return None", "failed: TypeError: 'NoneType' object is not iterable"),
            ("return 7", "failed: TypeError: 'int' object is not iterable"),
            ("return {'speed': ['9']}", "failed: AttributeError: 'str' object has no attribute"),
            (
                "return [Config('speed', '98')]",
                "failed: TypeError: the values of `speed` are no list",
            ),
            ("return [Config('speed', [9])]", "failed: TypeError: `9` is no string"),
            ("return [Config(b'speed', [])]", "failed: TypeError: `b'speed'` is no string"),
            (
                "return [Config('Speed', ['9'])]",
                "answered with nonsense: features.0: has the invalid name `Speed`",
            ),
            (
                "return [Config('speed', ['9 '])]",
                "answered with nonsense: features.0.values: has the invalid item `9 `",
            ),
            (
                "return [Config('speed', ['9', '9'])]",
                "answered with nonsense: features.0.values: lists an item more than once",
            ),
            (
                "return [Config('speed', ['9'])] * 2",
                "answered with nonsense: features: lists a feature more than once",
            ),
            (
                "return [Config(None, ['9'])]",
                "answered with nonsense: features.0.name: is not a string",
            ),
            (
                "import itertools\nreturn (Config(f'f{n}', ['9']) for n in itertools.count())",
                "answered with nonsense: features: has more than 500 items",
            ),
            (
                "import itertools\nreturn [Config('speed', (str(n) for n in itertools.count()))]",
                "answered with nonsense: features.0.values: has more than 1000 items",
            ),
            (
                "return [Config('speed', [str(n) * 2000 for n in range(1000)])]",
                "answered with more than 1 MiB",
            ),
        ],
    )
    def test_one_that_returns_nonsense(self, tmp_path: Path, body: str, fault: str) -> None:
        (warning,) = self.ask(tmp_path, body).warnings
        assert warning.startswith(f"{PLUGIN} {fault}")

    def test_one_for_another_namespace(self, tmp_path: Path) -> None:
        found = runner(tmp_path).ask(question(namespace="nvidia"))
        assert found == failed(
            "the plugin `acme-provider==1.0` for `nvidia` answered with nonsense: "
            "it is for the namespace `acme`"
        )


def _is_gone(pid: int) -> bool:
    """Whether the process ends soon (it may have to be reaped by someone else first)."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


class TestApi:
    @pytest.mark.parametrize("api", ["acme:Missing", "acme:Acme.missing"])
    def test_an_object_that_is_not_there(self, tmp_path: Path, api: str) -> None:
        (warning,) = runner(tmp_path).ask(question(api)).warnings
        assert warning.startswith(f"{PLUGIN} failed: AttributeError: ")

    @pytest.mark.parametrize(
        "api", ["os:abort", "subprocess:Popen", "missing", "sys", "builtins:exit"]
    )
    def test_a_module_that_is_not_the_plugins_is_not_loaded(self, tmp_path: Path, api: str) -> None:
        module = api.partition(":")[0]
        assert runner(tmp_path).ask(question(api)) == failed(
            f"{PLUGIN} failed: ModuleNotFoundError: the plugin has no module `{module}`"
        )

    @pytest.mark.parametrize("api", ["acme:Acme()", "acme;os", "", "../acme", "acme:Acme:x", "1:x"])
    def test_what_is_no_object_reference_is_not_run(self, tmp_path: Path, api: str) -> None:
        assert runner(tmp_path).ask(question(api)) == failed(
            f"{PLUGIN} cannot be asked: `{api}` is no object reference"
        )


class TestIsolation:
    def seen(self, tmp_path: Path, expression: str, **environ: str) -> list[str]:
        """The strings an expression is made of inside the plugin."""
        source = (
            "import os, sys, hashlib\ndef get_supported_configs():\n"
            f" found = {expression}\n"
            " return [Config('seen', [''.join(c for c in s.lower() if c in"
            " 'abcdefghijklmnopqrstuvwxyz0123456789_.') for s in found])]"
        )
        settings = {"environ": {"PATH": os.defpath, **environ}}
        found = runner(tmp_path, source, **settings).ask(question("acme"))
        assert not found.warnings
        return [value for feature in found.features for value in feature.values]

    def test_secrets_are_not_passed_on(self, tmp_path: Path) -> None:
        seen = self.seen(
            tmp_path,
            "sorted(os.environ)",
            PIP_INDEX_URL="https://user:secret@index.example/simple/",
            AWS_SECRET_ACCESS_KEY="secret",
            PYTHONPATH="/evil",
            LD_LIBRARY_PATH="/lib",
            ACME_VARIANT_PROVIDER_FORCE_SPEED="9",
        )
        assert set(seen) - {"lc_ctype"} == {
            "acme_variant_provider_force_speed",
            "home",
            "ld_library_path",
            "path",
            "temp",
            "tmp",
            "tmpdir",
        }

    def test_nothing_installed_can_be_imported(self, tmp_path: Path) -> None:
        source = "def get_supported_configs():\n import packaging"
        assert runner(tmp_path, source).ask(question("acme")) == failed(
            f"{PLUGIN} failed: ModuleNotFoundError: No module named 'packaging'"
        )

    def test_its_home_and_working_folder_are_gone_afterwards(self, tmp_path: Path) -> None:
        left = tmp_path / "left"
        source = (
            "import os\ndef get_supported_configs():\n"
            " open('file', 'w').close()\n assert os.getcwd() == os.path.realpath(os.environ['HOME'])\n"
            f" open({str(left)!r}, 'w').write(os.getcwd())\n return []"
        )
        assert not runner(tmp_path, source).ask(question("acme")).warnings
        assert not Path(left.read_text()).exists()

    def test_the_folder_of_the_plugin_stays_as_it_was(self, tmp_path: Path) -> None:
        runner(tmp_path).ask(question())
        assert [path.name for path in (tmp_path / "site").iterdir()] == ["acme.py"]

    def test_it_has_no_input(self, tmp_path: Path) -> None:
        assert self.seen(tmp_path, "[str(len(sys.stdin.read()))]") == ["0"]

    @pytest.mark.parametrize("version", ["3.8.18", "3.9.18", "3.10.13", "3.12.1", "3.13.0"])
    def test_any_supported_python_will_do(self, tmp_path: Path, version: str) -> None:
        python = Path.home() / ".pyenv" / "versions" / version / "bin" / "python"
        if not python.exists():
            pytest.skip(f"no Python {version}")
        workshop = Workshop(tmp_path)

        def prepare(name: NormalizedName, release: Version, sha256: str | None) -> PreparedPlugin:
            return replace(workshop(name, release, sha256), python=python)

        found = runner(tmp_path, prepare=prepare).ask(question())
        assert found.features == (SPEED, COLOUR)

    def test_an_interpreter_that_cannot_be_started_is_one_warning(self, tmp_path: Path) -> None:
        workshop = Workshop(tmp_path)

        def prepare(name: NormalizedName, release: Version, sha256: str | None) -> PreparedPlugin:
            return replace(workshop(name, release, sha256), python=tmp_path / "none")

        assert runner(tmp_path, prepare=prepare).ask(question()) == failed(
            f"{PLUGIN} could not be started: No such file or directory"
        )


class TestConsent:
    def test_the_first_file_is_recorded_and_asked_for_from_then_on(self, tmp_path: Path) -> None:
        workshop = Workshop(tmp_path)
        one = runner(tmp_path, prepare=workshop)
        one.ask(question())
        one.ask(question())
        assert workshop.asked == [
            ("acme-provider", "1.0", None),
            ("acme-provider", "1.0", "a" * 64),
        ]

    def test_another_file_under_the_same_name_does_not_run(self, tmp_path: Path) -> None:
        runner(tmp_path).ask(question())
        changed = Workshop(tmp_path, "raise AssertionError", sha256="b" * 64)
        assert runner(tmp_path, prepare=changed).ask(question()) == failed(
            f"{PLUGIN} could not be prepared: its wheel has the hash sha256:{'b' * 64}, "
            "another is trusted"
        )

    def test_the_users_hash_outranks_the_record(self, tmp_path: Path) -> None:
        runner(tmp_path).ask(question())
        changed = Workshop(tmp_path, sha256="b" * 64)
        again = runner(tmp_path, prepare=changed)
        named = question(trust=f"acme-provider==1.0@sha256:{'B' * 64}")
        assert again.ask(named).features == (SPEED, COLOUR)
        assert again.ask(question()).features == (SPEED, COLOUR)
        assert [sha256 for _, _, sha256 in changed.asked] == ["b" * 64, "b" * 64]

    def test_a_plugin_that_cannot_be_had_is_one_warning(self, tmp_path: Path) -> None:
        def prepare(*_arguments: object) -> PreparedPlugin:
            raise NetworkError("`index.example` does not answer")

        assert runner(tmp_path, prepare=prepare).ask(question()) == failed(
            f"{PLUGIN} could not be prepared: `index.example` does not answer"
        )

    def test_a_broken_record_lets_nothing_run(self, tmp_path: Path) -> None:
        workshop = Workshop(tmp_path)
        one = runner(tmp_path, prepare=workshop)
        one.consent.path.parent.mkdir()
        one.consent.path.write_text("{}")
        assert one.ask(question()) == failed(
            f"{PLUGIN} could not be prepared: `{one.consent.path}` is no record of trusted "
            "plugins: format: is not 1"
        )
        assert workshop.asked == []


class TestMemory:
    def test_an_answer_is_remembered(self, tmp_path: Path) -> None:
        settings: dict[str, Any] = {"memory": Memory(), "fingerprint": "host"}
        first = runner(tmp_path, **settings).ask(question())
        again = runner(tmp_path, **settings).ask(question())
        assert first.how == "plugin acme-provider==1.0 (asked)"
        assert again == replace(first, how="plugin acme-provider==1.0 (remembered)")

    @pytest.mark.parametrize(
        "change",
        [
            {"fingerprint": "other"},
            {"fingerprint": None},
            {"memory": None},
            {"environ": {"PATH": os.defpath, "ACME_VARIANT_PROVIDER_X": "1"}},
        ],
    )
    def test_not_where_anything_it_depends_on_has_changed(
        self, tmp_path: Path, change: Mapping[str, Any]
    ) -> None:
        settings: dict[str, Any] = {"memory": Memory(), "fingerprint": "host"}
        runner(tmp_path, **settings).ask(question())
        again = runner(tmp_path, **{**settings, **change}).ask(question())
        assert again.how == "plugin acme-provider==1.0 (asked)"

    def test_not_for_another_file(self, tmp_path: Path) -> None:
        settings: dict[str, Any] = {"memory": Memory(), "fingerprint": "host"}
        runner(tmp_path, **settings).ask(question())
        source = "class Acme:\n @staticmethod\n def get_supported_configs(): return []"
        found = runner(tmp_path, source, **settings).ask(question())
        assert found == NamespaceAnswer(how="plugin acme-provider==1.0 (asked)")

    def test_a_failure_is_not_remembered(self, tmp_path: Path) -> None:
        memory = Memory()
        runner(tmp_path, "class Acme: pass", memory=memory, fingerprint="host").ask(question())
        assert memory == {}

    def test_a_spoiled_memory_is_asked_over(self, tmp_path: Path) -> None:
        memory = Memory()
        settings: dict[str, Any] = {"memory": memory, "fingerprint": "host"}
        first = runner(tmp_path, **settings).ask(question())
        for key in memory:
            memory[key] = b"{"
        assert runner(tmp_path, **settings).ask(question()) == first


@pytest.mark.network
class TestPublishedPlugin:
    """provider-variant-x86-64 0.0.1.post2: old API, an instance, archspec inside."""

    def test_it_answers_within_what_the_built_in_says(self, tmp_path: Path) -> None:
        from vinstall.providers import builtin
        from vinstall.providers.machine import this_machine

        folder = tmp_path / "site"
        release = "provider-variant-x86-64==0.0.1.post2"
        command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps"]
        command += ["--only-binary", ":all:", "--target", str(folder), release]
        if subprocess.run(command, check=False).returncode:
            pytest.skip("the default index cannot be reached")

        def prepare(*_arguments: object) -> PreparedPlugin:
            python = Path(sys.executable)
            return PreparedPlugin(folder=folder, python=python, sha256="a" * 64, digest="x")

        found = runner(tmp_path, prepare=prepare, seconds=60.0).ask(
            question("provider_variant_x86_64.plugin:X8664Plugin", release, "x86_64")
        )
        assert found.warnings == ()
        ours = builtin.ask("x86_64", this_machine()).features
        assert found.features[:1] == ours[:1]
        assert [feature for feature in ours if feature in found.features] == list(found.features)
