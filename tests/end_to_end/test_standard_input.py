"""`-r -` and its like: requirements on standard input."""

from __future__ import annotations

from pathlib import Path

from tests.end_to_end.scene import Scene


def test_requirements(scene: Scene) -> None:
    scene.wheel("app", requires=["lib"])
    scene.wheel("lib", "1.0")
    scene.wheel("lib", "2.0")
    ran = scene.run("install", "-r", "-", typed="# all of it\napp\nlib<2\n")
    assert ran.code == 0, ran.err
    assert scene.installed() == {"app": "1.0", "lib": "1.0"}


def test_constraints(scene: Scene) -> None:
    scene.wheel("lib", "1.0")
    scene.wheel("lib", "2.0")
    ran = scene.run("install", "lib", "-c", "-", typed="lib<2\n")
    assert ran.code == 0, ran.err
    assert scene.installed() == {"lib": "1.0"}


def test_files_it_names_are_looked_for_in_the_current_folder(scene: Scene) -> None:
    scene.wheel("app")
    (scene.root / "more.txt").write_text("app\n")
    ran = scene.run("install", "-r", "-", typed="-r more.txt\n")
    assert ran.code == 0, ran.err
    assert scene.installed() == {"app": "1.0"}


def test_the_same_words_with_other_input_are_another_question(scene: Scene) -> None:
    scene.wheel("app")
    scene.wheel("lib")
    (scene.root / "-").write_text("")
    for typed in ("app\n", "app\n", "lib\n"):
        assert scene.run("install", "-r", "-", typed=typed).code == 0
    assert scene.installed() == {"app": "1.0", "lib": "1.0"}


def test_a_fault_is_told_with_its_line(scene: Scene) -> None:
    ran = scene.run("install", "-r", "-", typed="app\n\nlib ==\n")
    assert ran.code == 2
    assert ran.err.splitlines()[0] == "error: `lib ==` is no requirement"
    assert ran.err.splitlines()[-1] == "  in `<stdin>`, line 3"


def test_what_asks_for_the_impossible_is_told_with_its_line(scene: Scene) -> None:
    scene.wheel("app")
    ran = scene.run("install", "-r", "-", typed="\napp>=2\n")
    assert ran.code == 1
    assert "`-r <stdin>` line 2" in ran.err


def test_it_can_be_read_once(scene: Scene) -> None:
    ran = scene.run("install", "-r", "-", "-c", "-", typed="app\n")
    assert ran.code == 2
    assert ran.err == (
        "error: `-` is given twice, and standard input can be read once\n"
        "hint: put one of the two into a file\n"
    )
    assert scene.installed() == {}


def test_a_lock_is_made_of_it_with_a_group_beside(scene: Scene) -> None:
    scene.wheel("app")
    scene.wheel("lib")
    (scene.root / "pyproject.toml").write_text("[dependency-groups]\ntest = ['lib']\n")
    ran = scene.run("lock", "-r", "-", "--group", "test", typed="app\n")
    assert ran.code == 0, ran.err
    lock = (scene.root / "pylock.toml").read_text()
    assert 'name = "app"' in lock
    assert 'name = "lib"' in lock


def test_an_environment_is_made_exactly_that(scene: Scene) -> None:
    scene.wheel("app")
    scene.wheel("lib")
    assert scene.run("app", "lib").code == 0
    scene.variables["VINSTALL_INDEX_URL"] = str(scene.index)
    ran = scene.run_alone("sync", "-", "--python", scene.python, typed="lib\n")
    assert ran.code == 0, ran.err
    assert scene.installed() == {"lib": "1.0"}


def test_projects_to_uninstall(scene: Scene) -> None:
    scene.wheel("app")
    scene.wheel("lib")
    assert scene.run("app", "lib").code == 0
    ran = scene.run_alone("uninstall", "-r", "-", "--python", scene.python, typed="app\n")
    assert ran.code == 0, ran.err
    assert scene.installed() == {"lib": "1.0"}


def test_files_to_download(scene: Scene, tmp_path: Path) -> None:
    scene.wheel("app")
    ran = scene.run("download", "-r", "-", "-d", tmp_path / "here", typed="app\n")
    assert ran.code == 0, ran.err
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["app-1.0-py3-none-any.whl"]
