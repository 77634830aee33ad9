"""What a requirement's URL names: a wheel, a source distribution, a source tree."""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote, urldefrag, urlsplit

from vinstall.errors import FormatError
from vinstall.formats.requirement import Requirement
from vinstall.formats.simple_api import RemoteFile
from vinstall.formats.wheel_name import parse_wheel_name
from vinstall.net.redaction import redact
from vinstall.selection.release import SourceDistribution, Wheel

_ALGORITHMS = ("sha512", "sha384", "sha256", "sha224", "sha1", "md5")
"""Strongest first; what a fragment may name."""


def direct_artifact(requirement: Requirement, *, editable: bool) -> Wheel | SourceDistribution:
    """The file or tree behind `name @ URL`.  Costs no I/O.

    The URL of a source tree keeps its fragment, which may name a subdirectory; hashes in the
    fragment are hashes of the file.  Raises FormatError for a bad wheel name, or one of another
    project.
    """
    url = requirement.url or ""
    address, fragment = urldefrag(url)
    filename = unquote(urlsplit(address).path.rstrip("/").rpartition("/")[2])
    given = dict(parse_qsl(fragment))
    hashes = tuple((name, given[name].lower()) for name in _ALGORITHMS if name in given)
    source = redact(address)
    if not filename.endswith(".whl"):
        return SourceDistribution(
            name=requirement.name,
            version=None,
            file=RemoteFile(filename=filename, url=url, hashes=hashes),
            source=source,
            editable=editable,
        )
    name = parse_wheel_name(filename)
    if name.name != requirement.name:
        raise FormatError(
            f"`{filename}` is a wheel of `{name.name}`",
            context=(f"asked for as `{requirement.name}`",),
        )
    return Wheel(
        name=name, file=RemoteFile(filename=filename, url=address, hashes=hashes), source=source
    )
