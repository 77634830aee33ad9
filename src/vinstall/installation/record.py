"""RECORD as text.  Spec: recording installed projects; reading is `target.installed`'s."""

from __future__ import annotations

import csv
import io
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from hashlib import sha256


def record_digest(content: bytes) -> str:
    """The second field of a RECORD row for `content`."""
    digest = urlsafe_b64encode(sha256(content).digest()).rstrip(b"=").decode("ascii")
    return f"sha256={digest}"


def render_record(rows: Sequence[tuple[str, str, str]]) -> str:
    """Lines of RECORD for `rows`, quoted where they have to be."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()
