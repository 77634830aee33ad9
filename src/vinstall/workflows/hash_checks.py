"""Hashes the user allows, demanded and compared.  Spec: pip, "Secure installs"."""

from __future__ import annotations

from collections.abc import Mapping

from packaging.utils import NormalizedName

from vinstall.cache.store import StoredWheel
from vinstall.errors import HashMismatch, IntegrityError
from vinstall.installation.plan import Plan
from vinstall.resolution.model import Pin
from vinstall.sources.source import FileReader
from vinstall.workflows.policies import Hashes


def demand_hashes(plan: Plan, hashes: Mapping[NormalizedName, Hashes], *, required: bool) -> None:
    """pip: as soon as one requirement has a hash, or `--require-hashes` is given, all need one.

    Raises IntegrityError naming what has none, with the lines that would do.
    """
    if not (required or hashes):
        return
    bare = [pin for pin in plan.pins if pin.name not in hashes and not _has_own(pin)]
    if bare:
        raise IntegrityError(
            f"hashes are required, and `{bare[0].name}` has none",
            context=tuple(_line(pin) for pin in bare),
            hint="add lines like these once you have compared the hashes with a source you trust",
        )


def _has_own(pin: Pin) -> bool:
    """Whether the user gave the hash with the URL."""
    return pin.direct_url is not None and bool(pin.choice.artifact.file.hashes)


def _line(pin: Pin) -> str:
    listed = [f"--hash={name}:{digest}" for name, digest in pin.choice.artifact.file.hashes[:1]]
    return " ".join([f"{pin.name}=={pin.version}", *listed])


def check_hashes(
    plan: Plan,
    stored: Mapping[NormalizedName, StoredWheel],
    hashes: Mapping[NormalizedName, Hashes],
    reader: FileReader,
) -> None:
    """Every file must have one of the hashes the user allows for it.  Raises HashMismatch.

    What the index lists was compared while the file was read; this is for what it does not list.
    """
    for pin in plan.pins:
        allowed = hashes.get(pin.name)
        listed = pin.choice.artifact.file.hashes
        if allowed is None or not allowed.isdisjoint(listed):
            continue
        if ("sha256", stored[pin.name].sha256) not in allowed and not _matches(
            pin, allowed, reader
        ):
            algorithm, expected = min(allowed)
            raise HashMismatch(
                file=pin.choice.artifact.file.filename,
                algorithm=algorithm,
                expected=" or ".join(sorted(digest for _, digest in allowed)) or expected,
                received=stored[pin.name].sha256,
            )


def _matches(pin: Pin, allowed: Hashes, reader: FileReader) -> bool:
    """Whether the file itself, a source distribution for one, has an allowed hash of any kind."""
    import hashlib

    path = reader.download(pin.choice.artifact.file).path
    for algorithm, expected in allowed:
        with path.open("rb") as file:
            if hashlib.file_digest(file, algorithm).hexdigest() == expected:
                return True
    return False
