"""The device IP versions of Intel GPUs, asked of Level Zero by ctypes.

Spec: oneAPI Level Zero, "Core API"; `ZE_extension_device_ip_version` for the property asked for.
"""

from __future__ import annotations

import ctypes
from typing import Any

_GPU = 1
_INTEL = 0x8086
_DEVICE_PROPERTIES = 0x3
_DEVICE_IP_VERSION = 0x1000F
_INIT_DRIVER_TYPE = 0x20021

UNINITIALIZED = 0x78000001
"""The result of a loader that finds no driver."""


class LevelZeroError(Exception):
    """A call did not end well; `result` is the `ze_result_t`."""

    def __init__(self, call: str, result: int) -> None:
        super().__init__(f"`{call}` failed with {result:#x}")
        self.result = result


class _InitDriverType(ctypes.Structure):
    _fields_ = (("stype", ctypes.c_uint32), ("next", ctypes.c_void_p), ("flags", ctypes.c_uint32))


class _DeviceIpVersion(ctypes.Structure):
    _fields_ = (("stype", ctypes.c_uint32), ("next", ctypes.c_void_p), ("ip", ctypes.c_uint32))


class _DeviceProperties(ctypes.Structure):
    _fields_ = (
        ("stype", ctypes.c_uint32),
        ("next", ctypes.c_void_p),
        ("type", ctypes.c_uint32),
        ("vendor", ctypes.c_uint32),
        ("device", ctypes.c_uint32),
        ("flags", ctypes.c_uint32),
        ("subdevice", ctypes.c_uint32),
        ("core_clock", ctypes.c_uint32),
        ("max_allocation", ctypes.c_uint64),
        ("max_contexts", ctypes.c_uint32),
        ("max_priority", ctypes.c_uint32),
        ("threads_per_unit", ctypes.c_uint32),
        ("simd_width", ctypes.c_uint32),
        ("units_per_subslice", ctypes.c_uint32),
        ("subslices_per_slice", ctypes.c_uint32),
        ("slices", ctypes.c_uint32),
        ("timer_resolution", ctypes.c_uint64),
        ("timestamp_bits", ctypes.c_uint32),
        ("kernel_timestamp_bits", ctypes.c_uint32),
        ("uuid", ctypes.c_uint8 * 16),
        ("name", ctypes.c_char * 256),
    )


def device_ips(library: Any) -> list[int]:
    """The IP version of each Intel GPU, in the order of the drivers and their devices.

    `library` is the Level Zero loader.  Raises LevelZeroError.
    """
    found = []
    for driver in _drivers(library):
        for device in _handles(library, "zeDeviceGet", ctypes.c_void_p(driver)):
            ip = _DeviceIpVersion(stype=_DEVICE_IP_VERSION)
            properties = _DeviceProperties(
                stype=_DEVICE_PROPERTIES,
                next=ctypes.cast(ctypes.pointer(ip), ctypes.c_void_p),
            )
            _call(
                library, "zeDeviceGetProperties", ctypes.c_void_p(device), ctypes.byref(properties)
            )
            if properties.vendor == _INTEL:
                found.append(int(ip.ip))
    return found


def _drivers(library: Any) -> list[int]:
    if hasattr(library, "zeInitDrivers"):
        wanted = _InitDriverType(stype=_INIT_DRIVER_TYPE, flags=_GPU)
        return _handles(library, "zeInitDrivers", after=(ctypes.byref(wanted),))
    # A loader older than 1.10.
    _call(library, "zeInit", ctypes.c_uint32(_GPU))
    return _handles(library, "zeDriverGet")


def _handles(library: Any, name: str, *before: object, after: tuple[object, ...] = ()) -> list[int]:
    count = ctypes.c_uint32()
    _call(library, name, *before, ctypes.byref(count), None, *after)
    handles = (ctypes.c_void_p * count.value)()
    _call(library, name, *before, ctypes.byref(count), handles, *after)
    return [handle for handle in handles[: count.value] if handle is not None]


def _call(library: Any, name: str, *arguments: object) -> None:
    # ctypes reads the result as a signed number.
    result = int(getattr(library, name)(*arguments)) & 0xFFFFFFFF
    if result:
        raise LevelZeroError(name, result)
