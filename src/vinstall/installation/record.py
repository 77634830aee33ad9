"""RECORD as text.  Spec: recording installed projects; reading is `target.installed`'s."""

from __future__ import annotations

from binascii import b2a_base64

from vinstall.digest import sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Sequence


_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def record_digest(content: bytes) -> str:
    """The second field of a RECORD row for `content`."""
    return f"sha256={unpadded(sha256(content).digest())}"


def unpadded(digest: bytes) -> str:
    """A digest as RECORD has it: base64 for URLs, without its end (PEP 427)."""
    return b2a_base64(digest, newline=False).translate(_URL_SAFE, b"=").decode("ascii")


def render_record(rows: Sequence[tuple[str, str, str]]) -> str:
    """Lines of RECORD for `rows`, quoted where they have to be."""
    plain = "".join([f"{path},{digest},{size}\n" for path, digest, size in rows])
    # Quotes in the text, or commas and line ends beyond those just written, are of the paths.
    if '"' not in plain and "\r" not in plain and not _has_more(plain, len(rows)):
        return plain
    import csv
    import io

    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def _has_more(text: str, rows: int) -> bool:
    return text.count(",") != 2 * rows or text.count("\n") != rows


def moved_record(text: str, prefix: str, left_out: Container[str]) -> str:
    """Lines of RECORD with `prefix` in front of each path, without the paths in `left_out`."""
    if not prefix and not left_out:
        return text
    if '"' in text or '"' in prefix or "," in prefix:
        import csv
        import io

        rows = list(csv.reader(io.StringIO(text, newline="")))
    else:
        rows = [line.split(",") for line in text.split("\n") if line]
    return render_record(
        [(prefix + path, digest, size) for path, digest, size in rows if path not in left_out]
    )
