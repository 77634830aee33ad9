"""What libcuda says about the CUDA version and the GPUs, asked in a child process.

For containers that have the compute capability of the driver but not its management library.
`cuInit` heeds CUDA_VISIBLE_DEVICES, cannot be undone and spoils a later fork, so it never runs in
our own process.  `python -m vinstall.providers.cuda_driver NAME` is that child.
"""

from __future__ import annotations

import ctypes
import json
import sys
from typing import Any

_CAPABILITY_MAJOR = 75
_CAPABILITY_MINOR = 76
_NO_DEVICE = 100


def query(library: Any) -> dict[str, Any]:
    """The answer of `library` (libcuda): `version`, an integer such as 13000, and `capabilities`.

    `capabilities` has one [major, minor] for each GPU.  A call that fails gives `error`, the
    number of the CUDA result, instead.
    """
    result = int(library.cuInit(0))
    if result not in (0, _NO_DEVICE):
        return {"error": result}
    version = ctypes.c_int()
    count = ctypes.c_int()
    if result := int(library.cuDriverGetVersion(ctypes.byref(version))):
        return {"error": result}
    # Without a GPU cuInit fails, and then nothing but the version can be asked.
    library.cuDeviceGetCount(ctypes.byref(count))
    capabilities = [
        [_attribute(library, _CAPABILITY_MAJOR, gpu), _attribute(library, _CAPABILITY_MINOR, gpu)]
        for gpu in range(count.value)
    ]
    return {"version": version.value, "capabilities": capabilities}


def _attribute(library: Any, attribute: int, gpu: int) -> int:
    value = ctypes.c_int()
    library.cuDeviceGetAttribute(ctypes.byref(value), attribute, gpu)
    return value.value


if __name__ == "__main__":
    sys.stdout.write(json.dumps(query(ctypes.CDLL(sys.argv[1]))))
