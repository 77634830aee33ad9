"""Speed of the four kernels of the `lanes` that is installed, as JSON: kernel → items per second."""

import json
import random
import time
from array import array

import lanes

FLOATS = 4096
POINTS, WIDTH = 1000, 128


def rate(function, items):
    """Items per second of processor time: the best of many short runs, which others disturb least."""
    calls = 1
    while _seconds(function, calls) < 0.0005:
        calls *= 2
    return items * calls / min(_seconds(function, calls) for _ in range(1000))


def _seconds(function, calls):
    start = time.thread_time()
    for _ in range(calls):
        function()
    return time.thread_time() - start


def main():
    """Measure, check the answers, print."""
    random.seed(1)
    a = array("f", (random.uniform(-1, 1) for _ in range(FLOATS)))
    b = array("f", (random.uniform(-1, 1) for _ in range(FLOATS)))
    out = array("f", bytes(4 * FLOATS))
    x = array("Q", (random.getrandbits(64) for _ in range(FLOATS)))
    y = array("Q", (random.getrandbits(64) for _ in range(FLOATS)))
    points = array("f", (random.uniform(-1, 1) for _ in range(POINTS * WIDTH)))
    query = points[500 * WIDTH : 501 * WIDTH]
    assert abs(lanes.dot(a, b) - sum(p * q for p, q in zip(a, b))) < 1e-2
    assert lanes.hamming(x, y) == sum((p ^ q).bit_count() for p, q in zip(x, y))
    assert lanes.nearest(points, query) == 500
    print(
        json.dumps(
            {
                "built for": lanes.BUILT_FOR,
                "dot": rate(lambda: lanes.dot(a, b), FLOATS),
                "polynomial": rate(lambda: lanes.polynomial(a, out), FLOATS),
                "hamming": rate(lambda: lanes.hamming(x, y), FLOATS),
                "nearest": rate(lambda: lanes.nearest(points, query), POINTS * WIDTH),
            }
        )
    )


if __name__ == "__main__":
    main()
