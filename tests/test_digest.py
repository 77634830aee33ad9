"""sha256 without OpenSSL."""

from __future__ import annotations

import hashlib
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from vinstall.digest import sha256


@given(st.binary())
def test_it_is_the_one_of_hashlib(content: bytes) -> None:
    assert sha256(content).hexdigest() == hashlib.sha256(content).hexdigest()
    assert sha256(content).digest() == hashlib.sha256(content).digest()


def test_it_loads_no_other_library() -> None:
    code = "import sys, vinstall.digest; print('_hashlib' in sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == "False\n"
