"""Four small numeric kernels, built for what the processor has.

All take objects with a contiguous buffer: `array.array`, `memoryview`, a NumPy array.
"""

from lanes._kernels import BUILT_FOR, dot, hamming, nearest, polynomial

__all__ = ["BUILT_FOR", "dot", "hamming", "nearest", "polynomial"]
