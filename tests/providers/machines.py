"""Stand-ins for a machine and for the libraries a provider asks."""

# The libraries' own spelling.
# ruff: noqa: N802, N815

from __future__ import annotations

import ctypes
import json
import struct
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from vinstall.providers.machine import Machine, this_machine
from vinstall.values import replace


def fake_machine(
    *,
    system: str = "Linux",
    processor: str = "x86_64",
    environ: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
    folders: Mapping[str, Sequence[str]] | None = None,
    libraries: Mapping[str, Any] | None = None,
    commands: Mapping[str, str | None] | None = None,
) -> Machine:
    """A machine that has only what is given; commands by the name of the program."""
    return Machine(
        system=system,
        processor=processor,
        environ=environ or {},
        read=lambda path, limit: _cut((files or {}).get(path), limit),
        entries=lambda path: (folders or {}).get(path, ()),
        load=lambda name: (libraries or {}).get(name),
        run=lambda command, _seconds: (commands or {}).get(command[0]),
        identity=lambda _path: None,
    )


def rooted_machine(root: Path, **others: Any) -> Machine:
    """A machine whose files lie under `root`, read by the real functions."""
    real = this_machine({})
    return replace(
        fake_machine(**others),
        read=lambda path, limit: real.read(f"{root}{path}", limit),
        entries=lambda path: real.entries(f"{root}{path}"),
    )


def _cut(text: str | None, limit: int) -> str | None:
    return None if text is None else text[:limit]


def write_file(root: Path, path: str, text: str) -> None:
    """The file `path` under `root`, its folders made."""
    target = root / path.lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, "utf-8")


class FakeNvml:
    """libnvidia-ml as far as it is called: what nvidia-ml-py finds behind its function pointers.

    `capabilities` has one pair for each GPU, None where the call fails.  Functions a driver does
    not have are attributes this does not have.
    """

    def __init__(
        self,
        *,
        capabilities: Sequence[Sequence[int] | None] = (),
        cuda: int | None = None,
        cuda_v1: int | None = None,
        driver: str = "580.95.05",
        init_error: int = 0,
        count_error: int = 0,
        handle_error: int = 0,
    ) -> None:
        self.calls: list[str] = []
        self._capabilities = capabilities
        self._driver = driver
        self._errors = {"init": init_error, "count": count_error, "handle": handle_error}
        self._handles: list[Any] = []
        if cuda is not None:
            self.nvmlSystemGetCudaDriverVersion_v2 = self._integer("cuda_v2", cuda)
        if cuda_v1 is not None:
            self.nvmlSystemGetCudaDriverVersion = self._integer("cuda_v1", cuda_v1)

    def _integer(self, name: str, value: int) -> Callable[[Any], int]:
        def call(out: Any) -> int:
            self.calls.append(name)
            out._obj.value = value
            return 0

        return call

    def nvmlInitWithFlags(self, flags: Any) -> int:
        self.calls.append("init")
        return self._errors["init"]

    def nvmlShutdown(self) -> int:
        self.calls.append("shutdown")
        return 0

    def nvmlErrorString(self, result: Any) -> bytes:
        return b"error"

    def nvmlSystemGetDriverVersion(self, buffer: Any, size: Any) -> int:
        self.calls.append("driver")
        buffer.value = self._driver.encode()
        return 0

    def nvmlDeviceGetCount_v2(self, out: Any) -> int:
        out._obj.value = len(self._capabilities)
        return self._errors["count"]

    def nvmlDeviceGetHandleByIndex_v2(self, index: Any, out: Any) -> int:
        assert index.value == len(self._handles)
        self._handles.append(out._obj)
        return self._errors["handle"]

    def nvmlDeviceGetCudaComputeCapability(self, handle: Any, major: Any, minor: Any) -> int:
        index = next(i for i, known in enumerate(self._handles) if known is handle)
        capability = self._capabilities[index]
        if capability is None:
            return 999
        major._obj.value, minor._obj.value = capability
        return 0


def install_nvml(monkeypatch: pytest.MonkeyPatch, library: FakeNvml) -> None:
    """Put `library` where nvidia-ml-py keeps the one it has loaded."""
    import pynvml  # type: ignore[import-untyped]

    monkeypatch.setattr(pynvml, "nvmlLib", library)
    monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})


class _IpVersion(ctypes.Structure):
    _fields_ = (("stype", ctypes.c_uint32), ("next", ctypes.c_void_p), ("ip", ctypes.c_uint32))


class FakeLevelZero:
    """The Level Zero loader: for each driver its devices, as (IP version, vendor)."""

    def __init__(self, drivers: Sequence[Sequence[tuple[int, int]]], result: int = 0) -> None:
        self._drivers = drivers
        self._result = result

    def zeInitDrivers(self, count: Any, handles: Any, wanted: Any) -> int:
        assert (wanted._obj.stype, wanted._obj.flags) == (0x20021, 1)
        # As ctypes returns it: signed.
        result: int = struct.unpack("i", struct.pack("I", self._result))[0]
        return result or _list_handles(count, handles, range(1, len(self._drivers) + 1))

    def zeDeviceGet(self, driver: Any, count: Any, handles: Any) -> int:
        first = driver.value * 100
        devices = self._drivers[driver.value - 1]
        return _list_handles(count, handles, range(first, first + len(devices)))

    def zeDeviceGetProperties(self, device: Any, out: Any) -> int:
        ip, vendor = self._drivers[device.value // 100 - 1][device.value % 100]
        assert out._obj.stype == 3
        out._obj.vendor = vendor
        extension = ctypes.cast(out._obj.next, ctypes.POINTER(_IpVersion)).contents
        assert extension.stype == 0x1000F
        extension.ip = ip
        return 0


class OldLevelZero(FakeLevelZero):
    """A loader before 1.10."""

    zeInitDrivers = property()

    def zeInit(self, flags: Any) -> int:
        assert flags.value == 1
        return self._result

    def zeDriverGet(self, count: Any, handles: Any) -> int:
        return _list_handles(count, handles, range(1, len(self._drivers) + 1))


def _list_handles(count: Any, handles: Any, values: Sequence[int]) -> int:
    count._obj.value = len(values)
    if handles is not None:
        for place, value in enumerate(values):
            handles[place] = value
    return 0


def ip_version(text: str) -> int:
    """The 32 bits for `architecture.release.revision`."""
    architecture, release, revision = map(int, text.split("."))
    return architecture << 22 | release << 14 | revision


def cpu_machine(dump: Path, *, processor: str | None = None) -> Machine:
    """The machine one of the raw dumps was taken on, told by the name of the file."""
    text = dump.read_text("utf-8")
    system = dump.name.partition("-")[0]
    if system == "windows":
        flags = json.dumps(_cpuid_flags(text))
        return replace(
            fake_machine(system="Windows", processor="AMD64", libraries={"kernel32": _Kernel()}),
            run=lambda command, _seconds: flags if "vinstall.providers.cpu" in command else None,
        )
    if system == "darwin":
        apple = "Apple" in text
        return fake_machine(
            system="Darwin",
            processor=processor or ("arm64" if apple else "x86_64"),
            commands={"/usr/sbin/sysctl": text},
        )
    return fake_machine(
        processor=processor or ("aarch64" if "CPU implementer" in text else "x86_64"),
        files={"/proc/cpuinfo": text},
    )


class _Kernel:
    """kernel32 of a Windows that saves the AVX and AVX-512 registers."""

    def GetEnabledXStateFeatures(self) -> int:
        return 0xE7


def _cpuid_flags(table: str) -> list[str]:
    """What py-cpuinfo decodes where the cpuid instruction answers with the rows of `table`."""
    from cpuinfo import cpuinfo  # type: ignore[import-untyped]

    rows = [[int(cell) for cell in line.split(",")] for line in table.splitlines() if line]
    answers = {(eax, ecx): registers for eax, ecx, *registers in rows}

    class Processor(cpuinfo.CPUID):  # type: ignore[misc]
        def _run_asm(self, *pieces: bytes) -> int:
            code = b"".join(pieces).removeprefix(b"\x31\xc9")
            leaf = struct.unpack("<I", code[1:5])[0] if code[:1] == b"\xb8" else 0
            # mov eax, ebx | ecx | edx; without one the answer stays in eax.
            register = {b"\x89\xd8": 1, b"\x89\xc8": 2, b"\x89\xd0": 3}.get(code[-3:-1], 0)
            return answers[leaf, 0][register]

    processor = Processor()
    return list(processor.get_flags(processor.get_max_extension_support()))
