"""Every byte of a file is brought by somebody, and by nobody twice without being counted."""

from __future__ import annotations

import os
import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vinstall.sources.pieces import Piece, Pieces

SCALE = int(os.environ.get("VINSTALL_TEST_SCALE", "1"))
MIB = 1024 * 1024


def all_taken(pieces: Pieces, connections: int) -> list[Piece]:
    taken: list[Piece] = []
    while (piece := pieces.take(connections)) is not None:
        taken.append(piece)
    return taken


class TestFromTheBack:
    """While the others have to prove themselves."""

    def test_pieces_get_smaller(self) -> None:
        pieces = Pieces(50 * MIB)
        taken = all_taken(pieces, 4)
        assert taken[0].end == 50 * MIB
        assert all(later.end == earlier.start for earlier, later in pairwise(taken))
        sizes = [piece.end - piece.start for piece in taken]
        assert sizes == sorted(sizes, reverse=True)
        assert sizes[0] == 50 * MIB // 8
        assert sizes[-1] == MIB
        assert pieces.limit == taken[-1].start <= 2 * MIB

    def test_a_huge_file_is_not_given_away_in_huge_pieces(self) -> None:
        piece = Pieces(10_000 * MIB).take(1)
        assert piece is not None
        assert piece.end - piece.start == 8 * MIB

    def test_the_first_connection_stops_at_what_is_complete(self) -> None:
        pieces = Pieces(20 * MIB)
        piece = pieces.take(1)
        assert piece is not None
        assert pieces.pass_by(piece.start - 1)
        piece.place = piece.end
        assert not pieces.pass_by(piece.start)
        assert pieces.reach(piece.start, 0) == (20 * MIB, None)

    def test_it_reads_on_over_what_is_not(self) -> None:
        pieces = Pieces(20 * MIB)
        piece = pieces.take(1)
        assert piece is not None
        piece.place += 10
        assert pieces.received == 10
        assert pieces.pass_by(piece.start)
        assert piece.dropped
        assert (pieces.limit, pieces.received, pieces.wasted) == (20 * MIB, 0, 10)
        assert not pieces.pass_by(20 * MIB)


class TestInOrder:
    """Once they have."""

    def test_pieces_follow_each_other_and_the_first_connection(self) -> None:
        pieces = Pieces(100 * MIB)
        probe = pieces.take(2)
        assert probe is not None
        pieces.pass_by(10 * MIB)
        pieces.in_order = True
        taken = all_taken(pieces, 4)
        assert taken[0].start - 10 * MIB == taken[0].end - taken[0].start == 8 * MIB
        assert all(later.start == earlier.end for earlier, later in pairwise(taken))
        assert taken[-1].end == probe.start
        assert taken[-1].end - taken[-1].start <= MIB
        assert pieces.limit == taken[0].start

    def test_the_first_connection_ends_where_they_begin(self) -> None:
        pieces = Pieces(100 * MIB)
        pieces.in_order = True
        piece = pieces.take(4)
        assert piece is not None
        assert pieces.pass_by(piece.start - 1)
        assert not pieces.pass_by(piece.start)
        assert not piece.dropped

    def test_how_far_everything_is_there(self) -> None:
        pieces = Pieces(100 * MIB)
        pieces.in_order = True
        first, second = pieces.take(4), pieces.take(4)
        assert first is not None
        assert second is not None
        start = first.start
        assert pieces.reach(start, 0) == (start, first)
        second.place += 5
        first.place += 10
        assert pieces.reach(start, 0) == (start + 10, first)
        first.place = first.end
        assert pieces.reach(start + 10, 0) == (second.start + 5, second)
        second.place = second.end
        assert pieces.reach(second.start + 5, 0) == (second.end, None)

    def test_what_failed_is_given_to_somebody_else(self) -> None:
        pieces = Pieces(100 * MIB)
        pieces.in_order = True
        piece = pieces.take(4)
        assert piece is not None
        piece.place += 10
        piece.has_failed = True
        place, next_one = pieces.reach(piece.start, 0)
        assert next_one is piece
        rest = pieces.again(piece)
        assert piece.dropped
        assert (rest.start, rest.end) == (place, piece.end)
        rest.place = rest.end
        assert pieces.reach(place, 0) == (rest.end, None)


@settings(max_examples=60 * SCALE, deadline=None)
@given(total=st.integers(1, 60 * MIB), connections=st.integers(1, 8), seed=st.integers(0, 2**32))
@pytest.mark.parametrize("proof", [0.0, 0.3, 2.0], ids=["at once", "soon", "never"])
def test_whatever_the_speeds_every_byte_is_there_in_the_end(
    proof: float, total: int, connections: int, seed: int
) -> None:
    chance = random.Random(seed)
    speeds = [chance.choice([0, 64 * 1024, MIB, 4 * MIB]) for _ in range(connections)]
    pieces = Pieces(total)
    active: list[Piece | None] = [None] * connections
    brought: list[tuple[int, int]] = []
    place, goes_on = 0, True
    while goes_on:
        pieces.in_order = pieces.in_order or place >= proof * total
        number = chance.randrange(connections + 1)
        if number == connections:
            place += min(chance.randint(1, MIB), max(pieces.limit - place, 0))
            goes_on = pieces.pass_by(place)
            continue
        piece = active[number]
        if piece is None or piece.dropped or piece.is_complete:
            active[number] = pieces.take(connections)
        else:
            before = piece.place
            piece.place = min(piece.end, piece.place + speeds[number])
            brought.append((before, piece.place))
    brought.append((0, place))
    while place < total:
        reached, next_one = pieces.reach(place, 0)
        if reached == place:
            rest = pieces.take(1) if next_one is None else pieces.again(next_one)
            assert rest is not None
            brought.append((rest.place, rest.end))
            rest.place = rest.end
        place = reached
    assert place == total
    end = 0
    for start, stop in sorted(brought):
        assert start <= end
        end = max(end, stop)
    assert end == total
