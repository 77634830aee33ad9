"""default_index(): the index that the installed pip would use if nobody said anything.

pip is asked, not quoted: its default is read from its source, which takes no import of pip.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from urllib.parse import urljoin

from vinstall.errors import SourceError
from vinstall.pattern import pattern

_CONSTANT = pattern(r"^PyPI\s*=\s*PackageIndex\(\s*[\"']([^\"']+)[\"']", re.MULTILINE)


@lru_cache(maxsize=1)
def default_index() -> str:
    """The URL of pip's own default index, with a slash at the end.  Reads one small file.

    Raises SourceError where there is no pip beside vinstall, or one that is made differently.
    """
    import importlib.util

    spec = importlib.util.find_spec("pip")
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        path = Path(folder, "_internal", "models", "index.py")
        if path.is_file():
            found = _CONSTANT.search(path.read_text("utf-8"))
            if found is not None:
                return urljoin(found[1], "simple/")
    raise SourceError(
        "there is no default index, for the pip beside vinstall cannot be asked",
        hint="name one with `--index-url`, or install pip where vinstall is installed",
    )
