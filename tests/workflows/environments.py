"""Site folders made by hand, and workflows run on them without a command line."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vinstall.observer import Observer
from vinstall.workflows.invocation import Invocation
from vinstall.workflows.settings import Settings, TargetSettings


class Listener(Observer):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.notices: list[str] = []

    def warning(self, message: str, *, hint: str | None = None) -> None:
        self.warnings.append(message)

    def notice(self, message: str) -> None:
        self.notices.append(message)


class Site:
    """A folder that things are installed into, as `--target` names one."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "site"
        self.folder.mkdir()
        self.listener = Listener()
        self.environ: dict[str, str] = {"HOME": str(root), "CONDA_OVERRIDE_CUDA": ""}

    def put(
        self,
        name: str,
        version: str = "1.0",
        *,
        requires: Sequence[str] = (),
        metadata: str | None = None,
        files: Mapping[str, str] | None = None,
        variant: Mapping[str, object] | str | None = None,
        direct: Mapping[str, object] | None = None,
        provenance: Mapping[str, object] | None = None,
        installer: str = "vinstall",
        tag: str = "py3-none-any",
        build: str | None = None,
        requested: bool = False,
    ) -> Path:
        """One distribution; returns its `.dist-info`."""
        stem = name.replace("-", "_")
        info = f"{stem}-{version}.dist-info"
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
        lines += [f"Requires-Dist: {requirement}" for requirement in requires]
        contents = dict(files if files is not None else {f"{stem}.py": name})
        contents[f"{info}/METADATA"] = "\n".join(lines) + "\n" if metadata is None else metadata
        contents[f"{info}/INSTALLER"] = f"{installer}\n"
        contents[f"{info}/WHEEL"] = f"Tag: {tag}\n" + (f"Build: {build}\n" if build else "")
        documents = {
            "variant.json": variant,
            "direct_url.json": direct,
            "provenance_url.json": provenance,
        }
        for filename, document in documents.items():
            if document is not None:
                text = document if isinstance(document, str) else json.dumps(document)
                contents[f"{info}/{filename}"] = text
        if requested:
            contents[f"{info}/REQUESTED"] = ""
        rows = []
        for path, text in contents.items():
            place = self.folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
            rows.append(f"{path},{digest(text)},{len(text.encode())}")
        (self.folder / info / "RECORD").write_text("\n".join([*rows, f"{info}/RECORD,,"]) + "\n")
        return self.folder / info

    def settings(self, **more: Any) -> Settings:
        """Settings that name the folder, and nothing on the network."""
        return Settings(
            target=TargetSettings(target=self.folder), cache_dir=self.root / "cache", **more
        )

    @property
    def invocation(self) -> Invocation:
        """A run here and now."""
        return Invocation(
            environ=self.environ,
            folder=self.root,
            python=Path(sys.executable),
            is_virtual=True,
            time=time.time(),
        )


def digest(text: str) -> str:
    """As RECORD has it."""
    raw = hashlib.sha256(text.encode()).digest()
    return f"sha256={base64.urlsafe_b64encode(raw).rstrip(b'=').decode()}"


def variant_json(label: str, properties: Mapping[str, Mapping[str, Sequence[str]]]) -> Any:
    """The `variant.json` of one label."""
    providers: dict[str, dict[str, object]] = {
        "nvidia": {"requires": ["nvidia-variant-provider"]},
        "x86_64": {"requires": ["x86-64-variant-provider"]},
        "abi_dependency": {"builtin": "abi_dependency"},
        "moon": {"requires": ["moon-variant-provider"]},
        "blas": {"static-properties": {"library": ["mkl"]}},
    }
    namespaces = list(properties) or ["nvidia"]
    return {
        "$schema": "https://variants-schema.wheelnext.dev/v0.2.0.json",
        "default-priorities": {"namespace": namespaces},
        "providers": {namespace: providers[namespace] for namespace in namespaces},
        "variants": {label: properties},
    }
