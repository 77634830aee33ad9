"""Release, Wheel, SourceDistribution, Choice: the nouns of selection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from packaging.utils import NormalizedName
from packaging.version import Version

from vinstall.formats.requirement import Requirement
from vinstall.formats.simple_api import RemoteFile
from vinstall.formats.wheel_name import WheelName
from vinstall.selection.reason import Rejection
from vinstall.values import Row, field, frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vinstall.formats.support import NamespaceSupport
    from vinstall.formats.variant_json import Property, VariantTable


class Wheel(Row):
    """One wheel a source offers."""

    name: WheelName
    file: RemoteFile
    source: str
    """As shown to the user."""


@frozen
class SourceDistribution:
    """A source distribution a source offers, or a source tree (a folder, a checkout)."""

    name: NormalizedName
    version: Version | None
    """None for a tree whose version is only known after its metadata was prepared."""
    file: RemoteFile
    """For a tree: the URL as the user wrote it, made absolute."""
    source: str
    editable: bool = False


@frozen
class Release:
    """One version in one source."""

    name: NormalizedName
    version: Version
    source: str
    wheels: tuple[Wheel, ...]
    """Every wheel whose name could be read, in the order listed; not yet filtered."""
    sdists: tuple[SourceDistribution, ...] = ()
    variants_json: RemoteFile | None = None
    rejected: tuple[Rejection, ...] = ()
    """Files with unreadable names, and the like."""

    @property
    def has_labels(self) -> bool:
        """Whether any wheel carries a variant label."""
        return any(wheel.name.label is not None for wheel in self.wheels)


@frozen
class Choice:
    """One file of a release, and why it and not another."""

    artifact: Wheel | SourceDistribution
    matched: frozenset[Property] = frozenset()
    """The chosen wheel's properties that the target supports; empty for null and plain wheels."""
    table: VariantTable | None = None
    """The variant metadata the choice was made on; None for a release without labels."""
    runners_up: tuple[Wheel, ...] = ()
    """The best wheel of each other compatible label, most preferred first."""
    rejected: Sequence[Rejection] = ()
    """Why the other files were not to be had, most telling first."""
    constraints: tuple[Requirement, ...] = ()
    """What the choice binds other distributions to, by the `abi_dependency` of its label (PEP 850).

    All of them hold together; alternatives are choices of their own.  They do not ask for a
    distribution, they limit the version it may have.
    """
    support: Mapping[str, NamespaceSupport] = field(default_factory=dict, compare=False)
    """Namespace to what the target supports, for the namespaces that were asked about."""
    without_labels: bool = field(default=False, compare=False)
    """No file of the project has a label, which spares a look at `rejected`."""

    @property
    def is_plain(self) -> bool:
        """Whether variants had no say: nothing but names and tags decided on the file."""
        return self.without_labels or (
            self.label is None
            and self.table is None
            and all(rejection.label is None for rejection in self.rejected)
        )

    @property
    def label(self) -> str | None:
        """The label of the chosen wheel; None for a non-variant wheel or a source distribution."""
        return self.artifact.name.label if isinstance(self.artifact, Wheel) else None

    @property
    def version(self) -> Version | None:
        """The version; None only for a source tree whose metadata was not prepared yet."""
        artifact = self.artifact
        return artifact.name.version if isinstance(artifact, Wheel) else artifact.version
