"""Queries per second of processor time of the `hnswlib` that is installed, one thread, as JSON."""

import json
import time

import hnswlib
import numpy

VECTORS, WIDTH, QUERIES, NEIGHBOURS = 10_000, 256, 2_000, 10


BATCH, PASSES = 20, 10


def main():
    """Build an index, ask it in small batches, check the answers, print the rate.

    Of each batch the fastest of several passes counts: others on the machine disturb that least.
    """
    random = numpy.random.default_rng(1)
    data = random.random((VECTORS, WIDTH), dtype=numpy.float32)
    queries = data[:QUERIES] + random.normal(scale=0.05, size=(QUERIES, WIDTH)).astype("float32")
    index = hnswlib.Index(space="l2", dim=WIDTH)
    index.init_index(max_elements=VECTORS, M=16, ef_construction=100, random_seed=1)
    index.set_num_threads(1)
    index.add_items(data)
    index.set_ef(100)
    best = [float("inf")] * (QUERIES // BATCH)
    right = 0
    for _ in range(PASSES):
        for number in range(len(best)):
            first = number * BATCH
            start = time.thread_time()
            labels, _ = index.knn_query(queries[first : first + BATCH], k=NEIGHBOURS)
            best[number] = min(best[number], time.thread_time() - start)
            right += int((labels[:, 0] == numpy.arange(first, first + BATCH)).sum())
    found = right / QUERIES / PASSES
    print(json.dumps({"queries": QUERIES / sum(best), "found": found}))


if __name__ == "__main__":
    main()
