"""The error tree.  A room subclasses the branch that fits; nothing is raised from the root itself.

VinstallError                 1
├── UsageError                2   the command line, a file of options, an override variable
├── FormatError               1   text that does not follow its format; says where in the text
├── TargetError               3   no environment to install into, or one that must not be touched
├── NetworkError              4   a server that cannot be reached or refuses
├── SourceError               1   a file or index that should be there and is not
├── IntegrityError            1   bytes that are not the promised ones
├── ResolutionError           1   no set of releases satisfies the requirements
├── VariantError              1   a demand on variants that cannot be met
├── InstallationError         1   the environment could not be changed; it is as it was
└── BuildError                1   a source distribution that does not build
"""

from __future__ import annotations

TYPE_CHECKING = False  # `typing` costs more than all of the following
if TYPE_CHECKING:
    from typing import ClassVar


class VinstallError(Exception):
    """What happened (`message`), where (`context`, one fact a line), what to try (`hint`).

    No full stop after a single sentence, literals in `backticks`, never a secret.
    """

    exit_code: ClassVar[int] = 1

    def __init__(
        self, message: str, *, context: tuple[str, ...] = (), hint: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.context = context
        self.hint = hint


class UsageError(VinstallError):
    """What the user wrote cannot be understood or carried out."""

    exit_code = 2


class FormatError(VinstallError):
    """A text does not follow its format."""

    def __init__(
        self,
        message: str,
        *,
        path: str = "",
        context: tuple[str, ...] = (),
        hint: str | None = None,
    ) -> None:
        """`path` is the place inside the document, outermost first: `variants.cu13.nvidia`."""
        super().__init__(f"{path}: {message}" if path else message, context=context, hint=hint)
        self.path = path


class TargetError(VinstallError):
    """There is no environment to install into, or it must not be changed."""

    exit_code = 3


class NetworkError(VinstallError):
    """A server could not be reached, or refused."""

    exit_code = 4


class SourceError(VinstallError):
    """A file, folder or index that was asked for is not there or cannot be read."""


class IntegrityError(VinstallError):
    """Bytes that are not the promised ones."""


class HashMismatch(IntegrityError):
    """The bytes received are not the bytes the index promised."""

    def __init__(self, *, file: str, algorithm: str, expected: str, received: str) -> None:
        super().__init__(
            f"`{file}` does not match its {algorithm} hash",
            context=(f"expected {expected}", f"received {received}"),
            hint="the file changed after it was listed, or a proxy altered it; try `--no-cache`",
        )


class ResolutionError(VinstallError):
    """No set of releases satisfies the requirements."""


class VariantError(VinstallError):
    """A demand on variants that cannot be met."""


class InstallationError(VinstallError):
    """The environment could not be changed as asked; it is as it was."""


class BuildError(VinstallError):
    """A source distribution or source tree did not build."""
