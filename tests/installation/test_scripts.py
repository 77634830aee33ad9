"""Files made from entry points."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from tests.installation.builders import plain_target
from vinstall.cache.store import EntryPoint
from vinstall.installation.scripts import (
    is_template,
    launcher_kind,
    render_script,
    render_template,
    script_filename,
    shebang,
)
from vinstall.target.describe import describe_target

POINT = EntryPoint("tool", "demo.cli", "Main.run", "console")


class TestPosix:
    def test_the_body_imports_and_calls(self) -> None:
        assert render_script(POINT, Path("/env/bin/python"), "posix").decode() == (
            "#!/env/bin/python\n"
            "import sys\n"
            "from demo.cli import Main\n"
            "if __name__ == '__main__':\n"
            "    if sys.argv[0].endswith('.exe'):\n"
            "        sys.argv[0] = sys.argv[0][:-4]\n"
            "    sys.exit(Main.run())\n"
        )

    @pytest.mark.parametrize(
        "folder", ["with a space", "n" * 200, 'it\'s "quoted" & $odd', "plain"]
    )
    def test_any_path_of_an_interpreter_is_started(self, tmp_path: Path, folder: str) -> None:
        python = tmp_path / folder / "python"
        python.parent.mkdir()
        python.symlink_to(sys.executable)
        (tmp_path / "demo.py").write_text("import sys\ndef main(): return len(sys.argv)\n")
        script = tmp_path / "tool"
        script.write_bytes(
            render_script(EntryPoint("t", "demo", "main", "console"), python, "posix")
        )
        script.chmod(0o755)
        run = subprocess.run(
            [script, "a", "b c"], check=False, env={**os.environ, "PYTHONPATH": str(tmp_path)}
        )
        assert run.returncode == 3

    def test_a_template_gets_the_interpreter_and_keeps_the_rest(self) -> None:
        assert is_template(b"#!python\n")
        assert is_template(b"#!pythonw -E\n")
        assert not is_template(b"#!/usr/bin/python\n")
        text = render_template(b"#!python -E\r\nprint('x')\n", Path("/env/bin/python"))
        assert text == b"#!/env/bin/python\nprint('x')\n"

    def test_a_first_line_of_127_bytes_is_the_longest(self) -> None:
        assert shebang(Path("/" + "x" * 123)).startswith(b"#!/xxx")
        assert shebang(Path("/" + "x" * 124)).startswith(b"#!/bin/sh\n")


class TestWindows:
    @pytest.mark.parametrize(
        ("platform", "kind"),
        [
            ("windows", "win-amd64"),
            ("aarch64-pc-windows-msvc", "win-arm64"),
            ("i686-pc-windows-msvc", "win-ia32"),
            ("linux", "posix"),
        ],
    )
    def test_the_launcher_fits_the_machine(self, tmp_path: Path, platform: str, kind: str) -> None:
        target = describe_target(plain_target(tmp_path), platform=platform)
        assert launcher_kind(target) == kind

    @pytest.mark.parametrize(("section", "python"), [("console", "python"), ("gui", "pythonw")])
    def test_a_launcher_carries_the_script(self, section: str, python: str) -> None:
        point = POINT._replace(section=section)
        data = render_script(point, Path("C:/env/python.exe"), "win-amd64")
        assert data.startswith(b"MZ")
        assert f"#!C:/env/{python}.exe\n".encode() in data
        with zipfile.ZipFile(BytesIO(data)) as inside:
            assert b"from demo.cli import Main" in inside.read("__main__.py")
        assert script_filename(point, "win-amd64") == "tool.exe"
        assert script_filename(point, "posix") == "tool"
