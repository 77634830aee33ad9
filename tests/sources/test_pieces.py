"""Every byte of a file is brought by somebody, and by nobody twice without being counted."""

from __future__ import annotations

import os
import random
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from vinstall.sources.pieces import Piece, Pieces

SCALE = int(os.environ.get("VINSTALL_TEST_SCALE", "1"))
MIB = 1024 * 1024


def test_pieces_are_taken_from_the_back_and_get_smaller() -> None:
    pieces = Pieces(200 * MIB)
    taken: list[Piece] = []
    while (piece := pieces.take(4)) is not None:
        taken.append(piece)
    assert taken[0].end == 200 * MIB
    assert all(later.end == earlier.start for earlier, later in pairwise(taken))
    sizes = [piece.end - piece.start for piece in taken]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == 25 * MIB
    assert sizes[-1] == MIB
    assert pieces.limit == taken[-1].start <= 2 * MIB


def test_a_huge_file_is_not_given_away_in_huge_pieces() -> None:
    piece = Pieces(10_000 * MIB).take(1)
    assert piece is not None
    assert piece.end - piece.start == 32 * MIB


def test_the_first_connection_stops_at_what_is_complete() -> None:
    pieces = Pieces(20 * MIB)
    piece = pieces.take(1)
    assert piece is not None
    assert pieces.pass_by(piece.start - 1)
    piece.place = piece.end
    assert not pieces.pass_by(piece.start)
    assert pieces.wait() == []


def test_it_reads_on_over_what_is_not() -> None:
    pieces = Pieces(20 * MIB)
    piece = pieces.take(1)
    assert piece is not None
    piece.place += 10
    assert pieces.received == 10
    assert pieces.pass_by(piece.start)
    assert piece.dropped
    assert (pieces.limit, pieces.received, pieces.wasted) == (20 * MIB, 0, 10)
    assert not pieces.pass_by(20 * MIB)


@settings(max_examples=60 * SCALE, deadline=None)
@given(total=st.integers(1, 60 * MIB), connections=st.integers(1, 8), seed=st.integers(0, 2**32))
def test_whatever_the_speeds_every_byte_is_there_in_the_end(
    total: int, connections: int, seed: int
) -> None:
    chance = random.Random(seed)
    speeds = [chance.choice([0, 64 * 1024, MIB, 4 * MIB]) for _ in range(connections)]
    pieces = Pieces(total)
    active: list[Piece | None] = [None] * connections
    place, goes_on = 0, True
    while goes_on:
        number = chance.randrange(connections + 1)
        if number == connections:
            place += min(chance.randint(1, MIB), pieces.limit - place)
            goes_on = pieces.pass_by(place)
            continue
        piece = active[number]
        if piece is None or piece.dropped or piece.is_complete:
            active[number] = pieces.take(connections)
        else:
            piece.place = min(piece.end, piece.place + speeds[number])
    for piece in filter(None, active):
        piece.has_failed = not piece.is_complete
    for piece in pieces.wait():
        piece.place = piece.end
    assert place + pieces.received == total
    assert place == pieces.limit
