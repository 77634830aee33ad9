"""RECORD as text, against the `csv` module and `hashlib`."""

from __future__ import annotations

import csv
import hashlib
import io
from base64 import urlsafe_b64encode

from hypothesis import given
from hypothesis import strategies as st

from vinstall.installation.record import moved_record, record_digest, render_record

PATHS = st.text(st.sampled_from('ab/ ,"\r\n\u2028\x85é.'), min_size=1, max_size=6)
ROWS = st.lists(st.tuples(PATHS, st.sampled_from(["", "sha256=x_-"]), st.sampled_from(["", "7"])))


def by_csv(rows: list[tuple[str, str, str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


@given(rows=ROWS)
def test_rows_are_written_as_the_csv_module_does(rows: list[tuple[str, str, str]]) -> None:
    assert render_record(rows) == by_csv(rows)


@given(rows=ROWS, prefix=st.sampled_from(["", "../../", "a,b/", 'a"b/']), gone=st.sets(PATHS))
def test_rows_are_moved(rows: list[tuple[str, str, str]], prefix: str, gone: set[str]) -> None:
    rows = [row for row in rows if "\r" not in row[0]]  # which no reader keeps
    moved = [(prefix + path, *rest) for path, *rest in rows if path not in gone]
    found = list(csv.reader(io.StringIO(moved_record(by_csv(rows), prefix, gone), newline="")))
    assert found == [list(row) for row in moved]


@given(content=st.binary())
def test_digests_are_those_of_wheels(content: bytes) -> None:
    digest = urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    assert record_digest(content) == f"sha256={digest}"
