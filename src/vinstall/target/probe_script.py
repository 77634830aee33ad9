"""Facts about the interpreter that runs this, as JSON on standard output.

Stand-alone: standard library only, any CPython from 3.7 on (older ones are refused by the
caller, by the version told here).  It reports ingredients and draws no conclusions: tags are
computed from them by `vinstall.target.platforms`, layouts by `vinstall.target.layout`.
"""

# Paths go out as text, exactly as the interpreter spells them.
# ruff: noqa: PTH100, PTH118, PTH120, PTH123

from __future__ import annotations

import json
import os
import platform
import re
import site
import struct
import sys
import sysconfig

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

SENTINEL = "\x1evinstall-facts:"
"""Stands before the JSON, so that what a `.pth` file or `sitecustomize` prints does no harm."""

SCHEME_KEYS = ("purelib", "platlib", "scripts", "data", "headers")


def facts() -> dict[str, object]:
    """Everything the caller wants to know; values are JSON types."""
    return {
        "version": list(sys.version_info[:3]),
        "implementation": sys.implementation.name,
        "markers": _markers(),
        "ext_suffix": sysconfig.get_config_var("EXT_SUFFIX") or "",
        "debug": bool(sysconfig.get_config_var("Py_DEBUG")) or hasattr(sys, "gettotalrefcount"),
        "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        "platform": _platform(),
        "executable": sys.executable,
        "prefix": sys.prefix,
        "base_prefix": getattr(sys, "base_prefix", sys.prefix),
        "stdlib": sysconfig.get_path("stdlib"),
        "scheme": _default_scheme(),
        "prefix_scheme": _prefix_scheme(),
        "user_scheme": _user_scheme(),
        "site": site.getsitepackages() if hasattr(site, "getsitepackages") else [],
        "system_site": _sees_system_site(),
    }


def _markers() -> dict[str, str]:
    info = sys.implementation.version
    implementation_version = "{}.{}.{}".format(*info[:3])
    if info.releaselevel != "final":
        implementation_version += info.releaselevel[0] + str(info.serial)
    return {
        "implementation_name": sys.implementation.name,
        "implementation_version": implementation_version,
        "os_name": os.name,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        # A local build ends in `+`, which is no PEP 440 version.
        "python_full_version": platform.python_version().rstrip("+"),
        "python_version": ".".join(platform.python_version_tuple()[:2]),
        "sys_platform": sys.platform,
    }


# --- platform ---------------------------------------------------------------------------------


def _platform() -> dict[str, object]:
    found: dict[str, object] = {
        "name": sysconfig.get_platform(),
        "bits": struct.calcsize("P") * 8,
    }
    if sys.platform == "darwin":
        version, _, machine = platform.mac_ver()
        found["mac"] = [version, machine]
    elif sys.platform == "ios":
        found["ios"] = [platform.ios_ver().release, sys.implementation._multiarch]  # type: ignore[attr-defined,unused-ignore]
    elif hasattr(sys, "getandroidapilevel"):
        found["android"] = sys.getandroidapilevel()
    elif sys.platform == "linux":
        found.update(_linux())
    return found


def _linux() -> dict[str, object]:
    loader, hard_float = _elf_header(sys.executable)
    glibc = _glibc_version()
    return {
        "glibc": glibc,
        "musl": _musl_version(loader) if "musl" in loader else None,
        "hard_float": hard_float,
        "refused_glibc": _refused_glibc(glibc),
    }


def _glibc_version() -> list[int] | None:
    try:
        text = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, OSError, ValueError):
        text = _glibc_version_by_ctypes()
    match = re.match(r"(?:glibc )?([0-9]+)\.([0-9]+)", text)
    return [int(match.group(1)), int(match.group(2))] if match else None


def _glibc_version_by_ctypes() -> str:
    try:
        import ctypes

        version = ctypes.CDLL(None).gnu_get_libc_version
    except (ImportError, OSError, AttributeError):
        return ""
    version.restype = ctypes.c_char_p
    return str(version().decode("ascii"))


def _musl_version(loader: str) -> list[int] | None:
    """PEP 656: the dynamic loader, run without arguments, tells its version on standard error."""
    import subprocess

    try:
        run = subprocess.run([loader], stderr=subprocess.PIPE, check=False)
    except OSError:
        return None
    match = re.search(rb"^Version ([0-9]+)\.([0-9]+)", run.stderr, re.MULTILINE)
    return [int(match.group(1)), int(match.group(2))] if match else None


def _elf_header(path: str) -> tuple[str, bool]:
    """The dynamic loader named in the program header, and whether it is ARM with hard floats."""
    try:
        with open(path, "rb") as file:
            ident = file.read(16)
            wide = ident[4:5] == b"\x02"
            order = "<" if ident[5:6] == b"\x01" else ">"
            if ident[:4] != b"\x7fELF":
                return "", False
            layout = order + ("HHIQQQIHHH" if wide else "HHIIIIIHHH")
            header = struct.unpack(layout, file.read(struct.calcsize(layout)))
            machine, offset, flags, size, count = (header[i] for i in (1, 4, 6, 8, 9))
            # EM_ARM, EABI version 5, EF_ARM_ABI_FLOAT_HARD
            hard_float = machine == 40 and flags & 0xFF000400 == 0x05000400
            for index in range(count):
                file.seek(offset + index * size)
                entry = order + ("IIQQQQ" if wide else "IIIII")
                parts = struct.unpack(entry, file.read(struct.calcsize(entry)))
                if parts[0] == 3:  # PT_INTERP
                    at, length = (parts[2], parts[5]) if wide else (parts[1], parts[4])
                    file.seek(at)
                    return os.fsdecode(file.read(length)).strip("\0"), hard_float
            return "", hard_float
    except (OSError, struct.error):
        return "", False


def _refused_glibc(glibc: list[int] | None) -> list[list[int]]:
    """The glibc versions that a `_manylinux` module of the distributor refuses (PEP 600)."""
    if glibc is None:
        return []
    try:
        import _manylinux  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return []
    machine = platform.machine()
    legacy = {5: "manylinux1", 12: "manylinux2010", 17: "manylinux2014"}
    refused = []
    for minor in range(glibc[1], -1, -1):
        answer = None
        if hasattr(_manylinux, "manylinux_compatible"):
            answer = _manylinux.manylinux_compatible(glibc[0], minor, machine)
        elif minor in legacy:
            answer = getattr(_manylinux, legacy[minor] + "_compatible", None)
        if answer is not None and not answer:
            refused.append([glibc[0], minor])
    return refused


# --- where files go ---------------------------------------------------------------------------


def _in_virtual_environment() -> bool:
    return sys.prefix != getattr(sys, "base_prefix", sys.prefix) or hasattr(sys, "real_prefix")


def _preferred_scheme(kind: Literal["prefix", "user"]) -> str:
    """The name of the sysconfig scheme for `prefix` or `user`, as distributors have set it."""
    if hasattr(sysconfig, "get_preferred_scheme"):  # 3.10
        return str(sysconfig.get_preferred_scheme(kind))
    known = sysconfig.get_scheme_names()
    wanted = [os.name + "_" + kind]
    if kind == "prefix":
        wanted += [sys.implementation.name + "_" + os.name, sys.implementation.name, os.name]
    fallback = "posix_" + kind
    return next((name for name in wanted if name in known), fallback)


def _default_scheme() -> dict[str, str]:
    by_distutils = _distutils_scheme() if sys.version_info < (3, 10) else None
    return by_distutils or _scheme(_preferred_scheme("prefix"), sys.prefix, {})


def _scheme(name: str, base: str, variables: dict[str, str]) -> dict[str, str]:
    paths = sysconfig.get_paths(name, vars=variables)
    # Headers of a virtual environment do not go beside those of its base: pip's convention.
    python = "python{}.{}".format(*sys.version_info[:2])
    own_headers = os.path.join(base, "include", "site", python)
    headers = own_headers if _in_virtual_environment() else paths["include"]
    return {key: headers if key == "headers" else paths[key] for key in SCHEME_KEYS}


def _distutils_scheme() -> dict[str, str] | None:
    """Before 3.10 distributors changed the layout in distutils alone (Debian's dist-packages)."""
    if _in_virtual_environment():
        return None
    try:
        from distutils.dist import Distribution
    except ImportError:
        return None
    install = Distribution({"name": "UNKNOWN"}).get_command_obj("install", create=True)
    install.finalize_options()
    found = {key: str(getattr(install, "install_" + key)) for key in SCHEME_KEYS}
    found["headers"] = os.path.dirname(found["headers"])
    return found


def _prefix_scheme() -> dict[str, str]:
    """The layout below a prefix of the user's choice, as paths relative to it.

    pip: Debian's `posix_local` and Apple's `osx_framework_library` serve their own prefix only.
    """
    name = _preferred_scheme("prefix")
    if name in ("posix_local", "osx_framework_library"):
        name = "posix_prefix"
    anywhere = os.path.abspath(os.path.join(os.sep, "anywhere"))
    bases = ("installed_base", "base", "installed_platbase", "platbase", "prefix", "exec_prefix")
    paths = _scheme(name, anywhere, dict.fromkeys(bases, anywhere))
    return {key: os.path.relpath(path, anywhere) for key, path in paths.items()}


def _user_scheme() -> dict[str, str] | None:
    name = _preferred_scheme("user")
    base = site.getuserbase()
    if not base or name not in sysconfig.get_scheme_names():
        return None
    return _scheme(name, base, {"userbase": base})


def _sees_system_site() -> bool:
    """Whether folders outside `sys.prefix` are looked at; always true outside a virtual one."""
    if not _in_virtual_environment():
        return True
    try:
        with open(os.path.join(sys.prefix, "pyvenv.cfg"), encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError):
        return False
    pattern = r"^\s*include-system-site-packages\s*=\s*true\s*$"
    return re.search(pattern, text, re.IGNORECASE | re.MULTILINE) is not None


if __name__ == "__main__":
    sys.stdout.write(SENTINEL + json.dumps(facts()) + "\n")
