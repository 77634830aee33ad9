"""A process that dies at any moment: the next one finds the environment as it was, or as asked."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.installation.builders import Listener, World, make_pin
from tests.support.wheels import make_wheel
from vinstall.errors import InstallationError
from vinstall.installation.apply import apply, heal
from vinstall.installation.journal import Area, Journal, Step, parse_journal
from vinstall.installation.plan import Plan

SCALE = int(os.environ.get("VINSTALL_TEST_SCALE", "1"))
CALLS = ("rename", "replace", "link", "mkdir", "rmdir", "unlink", "open", "write")


class Killed(BaseException):
    """The process is gone: no handler gets to do anything any more."""


class Reaper:
    """Lets a number of system calls through and none after that."""

    def __init__(self, allowed: int) -> None:
        self.left = allowed
        self.calls = 0

    def wrap(self, call: Callable[..., object]) -> Callable[..., object]:
        def wrapped(*args: object, **options: object) -> object:
            if self.left <= 0:
                raise Killed
            self.left -= 1
            self.calls += 1
            return call(*args, **options)

        return wrapped


@contextmanager
def dying(allowed: int) -> Iterator[Reaper]:
    """Inside, every change of the disk but the first `allowed` kills."""
    reaper = Reaper(allowed)
    with pytest.MonkeyPatch.context() as patch:
        for name in CALLS:
            patch.setattr(os, name, reaper.wrap(getattr(os, name)))
        patch.setattr("vinstall.installation.journal.open", reaper.wrap(open), raising=False)
        # Waiting for the disk changes nothing, and happens in another thread.
        patch.setattr(Journal, "sync", lambda journal: None)
        with suppress(Killed):
            yield reaper


def wheels(folder: Path, version: str) -> list[Path]:
    """Three projects whose files come, go, stay, and change folders with the version."""
    points = f"[console_scripts]\none-{version} = one:main\none = one:main\n"
    return [
        make_wheel(
            folder,
            "one",
            version,
            files={
                "one/__init__.py": version,
                f"one/sub{version}/mod.py": version,
                "space/one.py": version,
                f"one-{version}.data/data/share/one/file": version,
            },
            entry_points=points,
        ),
        make_wheel(folder, "two", version, files={"space/two.py": version, "two.py": version}),
        make_wheel(folder, "three", version, files={f"three{version[0]}/__init__.py": version}),
    ]


class Scene:
    """An upgrade of two projects, an installation of one and a removal of one, again and again."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.saved = folder / "saved"
        old = wheels(folder, "1.0")
        self.new = [make_pin(path) for path in wheels(folder, "2.0")]
        extra = make_wheel(folder, "extra", files={"extra/x.py": "x", "space/extra.py": "x"})
        self.world.install(old[0], old[1], extra)
        (self.world.site / "one" / "__pycache__").mkdir()
        (self.world.site / "one" / "__pycache__" / "__init__.cpython-312.pyc").touch()
        (self.world.site / "one" / "mine.txt").write_text("mine")
        shutil.copytree(self.world.folder, self.saved, symlinks=True)
        self.before = self.world.tree()
        plan = self.plan()
        self.stored = self.world.fetch(plan)
        self.upgrade()
        self.after = self.world.tree()

    def restore(self) -> None:
        shutil.rmtree(self.world.folder)
        shutil.copytree(self.saved, self.world.folder, symlinks=True)

    def plan(self) -> Plan:
        return self.world.plan(*self.new, remove=["extra"])

    def upgrade(self) -> None:
        apply(self.plan(), self.stored, self.world.target, observer=Listener())

    def heal(self) -> None:
        heal(self.world.target, Listener())

    def check(self, where: str) -> None:
        now = self.world.tree()
        assert now in (self.before, self.after), where
        assert not [name for name in now if ".vinstall" in name], where


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: a disk is slow to reuse what was just deleted."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory, prefix="vinstall-test-") as name:
        yield Path(name)


@pytest.fixture
def scene(folder: Path) -> Scene:
    return Scene(folder)


class TestEveryStep:
    """Each system call that changes something is once the last one."""

    def test_the_next_run_heals(self, scene: Scene) -> None:
        outcomes = set()
        allowed = 0
        while True:
            scene.restore()
            with dying(allowed) as reaper:
                scene.upgrade()
            scene.heal()
            scene.check(f"killed after {allowed} calls")
            outcomes.add(scene.world.tree() == scene.after)
            if reaper.calls < allowed:
                break
            allowed += 1
        assert outcomes == {False, True}
        assert allowed > 60

    def test_a_healing_that_dies_is_healed(self, scene: Scene) -> None:
        deepest = 0
        for allowed in range(0, 200, max(1, 13 // SCALE)):
            again = 0
            while True:
                scene.restore()
                with dying(allowed) as first:
                    scene.upgrade()
                with dying(again) as reaper:
                    scene.heal()
                scene.heal()
                scene.check(f"killed after {allowed} calls, then after {again}")
                if reaper.calls < again:
                    break
                again += max(1, 5 // SCALE)
            deepest = max(deepest, again)
            if first.calls < allowed:
                break
        assert deepest > 10

    def test_a_draft_of_any_length_is_nothing(self, scene: Scene) -> None:
        area = Area(str(scene.world.site), str(scene.world.site / ".vinstall-0"))
        whole = Journal(areas=(area,), aside=(Step(0, area.base + "/two.py"),), inward=()).render()
        scene.restore()
        for length in range(0, len(whole) + 1, 3):
            (scene.world.site / ".vinstall-0" / "new").mkdir(parents=True)
            (scene.world.site / ".vinstall-0" / "draft").write_text(whole[:length])
            scene.heal()
            assert scene.world.tree() == scene.before


class TestErrors:
    """The same system calls failing, with the process alive: it takes everything back itself."""

    def test_every_failure_leaves_the_environment_as_it_was(self, scene: Scene) -> None:
        failed = 0
        for index in range(400):
            scene.restore()
            error = None
            with failing(index) as state:
                try:
                    scene.upgrade()
                except InstallationError as raised:
                    error = raised
            if error is None:  # cleaning up may have failed, and is left to the next run
                scene.heal()
            assert scene.world.tree() == (scene.before if error else scene.after), index
            failed += error is not None
            if not state["raised"]:
                break
        assert failed > 40

    @pytest.mark.parametrize("index", [0, 10, 30, 50, 70])
    def test_so_does_an_interrupt(self, scene: Scene, index: int) -> None:
        scene.restore()
        with failing(index, KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
            scene.upgrade()
        assert scene.world.tree() in (scene.before, scene.after)


@contextmanager
def failing(index: int, error: type[BaseException] | None = None) -> Iterator[dict[str, bool]]:
    """Inside, one call that changes the disk fails."""
    state = {"raised": False, "left": True}
    count = [index]

    def wrap(call: Callable[..., object]) -> Callable[..., object]:
        def wrapped(*args: object, **options: object) -> object:
            count[0] -= 1
            if count[0] == -1:
                state["raised"] = True
                raise error() if error is not None else OSError(5, "Input/output error")
            return call(*args, **options)

        return wrapped

    with pytest.MonkeyPatch.context() as patch:
        for name in ("rename", "link", "mkdir", "open"):
            patch.setattr(os, name, wrap(getattr(os, name)))
        yield state


CHILD = """
import sys
sys.path[:0] = {path!r}
from pathlib import Path
from tests.installation.builders import World
world = World(Path({folder!r}))
plan = world.plan(*sorted(Path({wheels!r}).glob("*.whl")))
stored = world.fetch(plan)
print("ready", flush=True)
world.apply(plan)
print("done", flush=True)
"""


class TestKill:
    """`kill -9` at random moments of an upgrade of ten packages."""

    PACKAGES = 10
    FILES = 60

    def make(self, folder: Path, version: str) -> Path:
        into = folder / version
        for number in range(self.PACKAGES):
            name = f"package{number}"
            files = {
                f"{name}/part{part % 7}/m{part}.py": f"VERSION = {version!r}\n"
                for part in range(self.FILES)
            }
            points = f"[console_scripts]\n{name} = {name}:main\n"
            make_wheel(into, name, version, files=dict(files), entry_points=points)
        return into

    def test_the_next_run_heals(self, folder: Path) -> None:
        world = World(folder)
        old, new = self.make(folder, "1.0"), self.make(folder, "2.0")
        world.install(*sorted(old.glob("*.whl")))
        saved = folder / "saved"
        shutil.copytree(world.folder, saved)
        before = world.tree()
        duration = self.run(folder, new, None)
        after = world.tree()
        assert before != after
        moments = random.Random(7)
        healed = 0
        for round_number in range(10 * SCALE):
            shutil.rmtree(world.folder)
            shutil.copytree(saved, world.folder)
            self.run(folder, new, moments.uniform(0, duration))
            healed += heal(world.target, Listener())
            now = world.tree()
            assert now in (before, after), f"round {round_number}"
        sys.stdout.write(f"healed {healed} of {10 * SCALE}\n")

    def run(self, folder: Path, new: Path, seconds: float | None) -> float:
        """How long the change took; with `seconds`, kill it after that many."""
        root = str(Path(__file__).parents[2])
        code = CHILD.format(path=[root], folder=str(folder), wheels=str(new))
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            begin = time.perf_counter()
            if seconds is not None:
                time.sleep(seconds)
                child.send_signal(signal.SIGKILL)
            assert child.stdout.readline() in (b"done\n", b"")
            return time.perf_counter() - begin


class TestHealing:
    def test_it_is_told_once(self, scene: Scene) -> None:
        scene.restore()
        with dying(45):
            scene.upgrade()
        listener = Listener()
        touched = heal(scene.world.target, listener)
        expected = f"an interrupted installation into `{scene.world.target.prefix}` was healed"
        assert listener.notices == ([expected] if touched else [])
        assert not heal(scene.world.target, listener)

    def test_the_next_installation_heals_by_itself(self, scene: Scene) -> None:
        for allowed in (5, 30, 45, 60, 80):
            scene.restore()
            with dying(allowed):
                scene.upgrade()
            scene.world.install(make_wheel(scene.world.folder.parent, "fourth"))
            assert "fourth" in scene.world.installed()
            assert not [name for name in scene.world.tree() if ".vinstall" in name]

    def test_a_journal_of_another_place_is_not_followed(self, scene: Scene) -> None:
        """A copied environment must not reach into the one it was copied from."""
        scene.restore()
        stage = scene.world.site / ".vinstall-0"
        (stage / "old").mkdir(parents=True)
        other = Area("/elsewhere", "/elsewhere/.vinstall-0")
        journal = Journal(areas=(other,), aside=(Step(0, "/elsewhere/x"),), inward=())
        (stage / "journal").write_text(journal.render())
        with pytest.raises(InstallationError) as caught:
            scene.heal()
        assert caught.value.message == "an interrupted installation could not be undone"
        assert caught.value.context == (
            f"its journal is in `{stage}`",
            "the journal belongs to `/elsewhere/.vinstall-0`",
        )


PATHS = st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=20)
STEPS = st.lists(st.builds(Step, st.integers(0, 3), PATHS)).map(tuple)


@given(st.lists(st.builds(Area, PATHS, PATHS), min_size=1).map(tuple), STEPS, STEPS)
def test_a_journal_survives_its_file(
    areas: tuple[Area, ...], aside: tuple[Step, ...], inward: tuple[Step, ...]
) -> None:
    journal = Journal(areas=areas, aside=aside, inward=inward, emptied=("a",), created=("b",))
    assert parse_journal(journal.render().encode("ascii")) == journal


@pytest.mark.parametrize("text", [b"", b"[]", b'{"format": 2}', b"{"])
def test_another_format_is_not_read(text: bytes) -> None:
    with pytest.raises(ValueError):
        parse_journal(text)


def test_the_scene_is_what_it_says(scene: Scene) -> None:
    scene.restore()
    plan = scene.plan()
    assert [pin.name for pin in plan.install] == ["three"]
    assert [old.name for old, _ in plan.replace] == ["one", "two"]
    assert [old.name for old in plan.remove] == ["extra"]
