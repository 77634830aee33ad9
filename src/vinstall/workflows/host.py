"""Host: what this machine supports, for the user to read or for a file; and what several have in common."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vinstall import __version__
from vinstall.errors import TargetError, UsageError
from vinstall.formats.host_file import (
    HostFacts,
    HostFile,
    HostProvider,
    lost_features,
    merge_host_files,
    render_host_file,
)
from vinstall.formats.support import NamespaceAnswer
from vinstall.observer import Observer
from vinstall.providers import builtin
from vinstall.target.environment import Target
from vinstall.values import frozen, replace
from vinstall.workflows.assemble import (
    Rooms,
    assemble,
    build_answers,
    find_target,
    read_host_file,
)
from vinstall.workflows.invocation import Invocation
from vinstall.workflows.settings import Settings

_CREATOR = f"vinstall {__version__}"


@frozen
class HostReport:
    """Every built-in provider's answer, and the machine they are about."""

    answers: tuple[tuple[str, NamespaceAnswer], ...]
    """By namespace, in the order in which they are shown."""
    facts: HostFacts

    def export(self) -> str:
        """The same as the text of a host file."""
        providers = {}
        for namespace, answer in self.answers:
            package = builtin.packages(namespace)[0]
            providers[namespace] = HostProvider(
                features=answer.features,
                resolved=(package.resolved,),
                plugin_api=package.plugin_api,
            )
        return render_host_file(
            HostFile(providers=providers, facts=self.facts, created_by=_CREATOR)
        )


def detect_host(settings: Settings, invocation: Invocation, observer: Observer) -> HostReport:
    """What the built-in providers say about this machine, for the environment of `settings`.

    Without an environment, for the interpreter that runs this.  Raises UsageError for an
    override variable that does not parse.
    """
    with assemble(settings, invocation, observer) as rooms:
        target = _target(rooms)
        answers = build_answers(rooms, target, None, require_hashes=False)
        found = answers.registry.describe_all()
    how = {namespace: answer.unavailable or answer.how for namespace, answer in found}
    markers = target.markers
    return HostReport(
        answers=found,
        facts=HostFacts(
            machine=markers.get("platform_machine", ""),
            system=markers.get("platform_system", ""),
            libc=_libc(target),
            python=markers.get("python_full_version", ""),
            detected=invocation.now.isoformat(timespec="seconds"),
            markers=dict(markers),
            how=how,
        ),
    )


def _target(rooms: Rooms) -> Target:
    try:
        return find_target(rooms)
    except TargetError:
        own = str(rooms.invocation.python)
        settings = rooms.settings
        return find_target(
            replace(rooms, settings=replace(settings, target=replace(settings.target, python=own)))
        )


def _libc(target: Target) -> str:
    """`glibc 2.36` or `musl 1.2`, from the best platform tag; empty where there is no such tag."""
    for tag in target.tags:
        kind, _, rest = tag.rpartition("-")[2].partition("linux_")
        if kind in ("many", "musl") and rest:
            major, minor = rest.split("_")[:2]
            return f"{'glibc' if kind == 'many' else 'musl'} {major}.{minor}"
    return ""


def merge_hosts(
    paths: Sequence[Path], settings: Settings, invocation: Invocation, observer: Observer
) -> str:
    """The host file of what every one of the hosts in `paths` supports; says what that leaves out.

    Raises UsageError for fewer than two files, or one that is no host file.
    """
    if len(paths) < 2:
        raise UsageError("`vinstall host merge` needs two host files or more")
    with assemble(settings, invocation, observer) as rooms:
        first, *others = (read_host_file(rooms, path) for path in paths)
    merged = merge_host_files(first, *others)
    for namespace, feature in lost_features((first, *others), merged):
        observer.notice(f"`{namespace} :: {feature}` is left out: the hosts share no value")
    return render_host_file(replace(merged, created_by=_CREATOR))
