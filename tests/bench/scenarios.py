"""The scenarios: what is installed, from where, with what in the cache; and the goals."""

from __future__ import annotations

from dataclasses import dataclass

from tests.bench.contenders import PIP_PLAIN, UV_PIP, VINSTALL, Contender
from tests.bench.mirror import JUPYTER, SCIENTIFIC, TORCH


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One row of the table."""

    key: str
    title: str
    words: tuple[str, ...] = ()
    needs: str | None = None
    """A project the mirror has to have."""
    server: str = "plain"
    """A field of Servers."""
    warm: bool = False
    """Whether the cache has everything; otherwise it is empty."""
    state: str = "fresh"
    """Of the environment: `fresh`; `known` (the tool has seen it, nothing is installed);
    `done` (all is installed)."""
    forget: tuple[str, ...] = ()
    """Buckets of vinstall's cache that are removed before each round."""
    contenders: tuple[Contender, ...] = (VINSTALL, UV_PIP, PIP_PLAIN)
    figure: str = "wall"
    times: float = 1.0
    """Factor for the number of rounds."""
    floor: tuple[float | None, float | None] = (None, None)
    """Ratio to the second and to the third contender that is to be reached."""
    aim: float | None = None
    """Ratio to the second contender that is wished for."""

    @property
    def is_version(self) -> bool:
        """Whether nothing is installed: `--version`."""
        return self.key == "S1"


def _flags(*flags: str) -> tuple[Contender, ...]:
    return tuple(one._replace(flags=(*one.flags, *flags)) for one in (VINSTALL, UV_PIP, PIP_PLAIN))


_DRY = _flags("--dry-run")
_ALONE = _flags("--no-deps")
_COMPILED = (
    VINSTALL._replace(flags=("--compile",)),
    Contender("uv --compile-bytecode", "uv", ("--compile-bytecode",)),
    Contender("pip (compiles)", "pip"),
)
_COPIED = (
    VINSTALL._replace(flags=("--link-mode", "copy")),
    Contender("uv --link-mode=copy", "uv", ("--link-mode=copy",)),
)
_VARIANTS = (
    VINSTALL._replace(flags=("--dry-run",)),
    Contender("vinstall --no-variants", "vinstall", ("--dry-run", "--no-variants")),
)
_BIG = ("bigdemo",)
_MANY = ("manyfiles",)

SCENARIOS = (
    Scenario(key="S1", title="`--version`", times=4, floor=(2.0, 0.15), aim=1.5),
    Scenario(
        key="S2", title="nothing to do, 97 projects", words=JUPYTER, needs="jupyter", warm=True,
        state="done", times=4, floor=(1.2, 0.05), aim=0.8,
    ),
    Scenario(
        key="S3", title="repeated dry run, 97", words=JUPYTER, needs="jupyter", warm=True,
        state="known", contenders=_DRY, times=2, floor=(0.8, 0.04), aim=0.5,
    ),
    Scenario(
        key="S4", title="dry run, resolution not remembered", words=JUPYTER, needs="jupyter",
        warm=True, state="known", forget=("resolutions", "shortcuts"), contenders=_DRY, times=2,
        floor=(2.5, 0.08), aim=1.5,
    ),
    Scenario(
        key="S5a", title="warm install, 97, fresh environment", words=JUPYTER, needs="jupyter",
        warm=True, times=2, floor=(1.0, 0.05), aim=0.7,
    ),
    Scenario(
        key="S5b", title="warm install, 97, known environment", words=JUPYTER, needs="jupyter",
        warm=True, state="known", times=2, floor=(1.2, 0.05), aim=0.8,
    ),
    Scenario(
        key="S6a", title="warm install, scientific set", words=SCIENTIFIC, needs="scipy",
        warm=True, times=2, floor=(1.0, 0.05), aim=0.7,
    ),
    Scenario(
        key="S6b", title="warm install, 10,000-file wheel", words=_MANY, warm=True, times=2,
        floor=(1.0, 0.12), aim=0.7,
    ),
    Scenario(
        key="S7", title="cold, 97, loopback", words=JUPYTER, needs="jupyter",
        floor=(1.6, 0.40), aim=1.2,
    ),
    Scenario(
        key="S8", title="cold, 97, 20 ms to first byte, TLS", words=JUPYTER, needs="jupyter",
        server="slow", floor=(1.4, 0.15), aim=1.0,
    ),
    Scenario(
        key="S9", title="cold, scientific set, loopback", words=SCIENTIFIC, needs="scipy",
        floor=(1.6, 0.40), aim=1.2,
    ),
    Scenario(
        key="S10a", title="torch (192 MB), full speed", words=TORCH, needs="torch",
        contenders=_ALONE, floor=(1.3, 0.6), aim=0.9,
    ),
    Scenario(
        key="S10b", title="570 MB wheel, full speed", words=_BIG, contenders=_ALONE,
        floor=(1.3, 0.6), aim=0.9,
    ),
    Scenario(
        key="S11a", title="torch, 20 MB/s per connection", words=TORCH, needs="torch",
        server="each_20", contenders=_ALONE, times=0.6, floor=(0.4, 0.3), aim=0.2,
    ),
    Scenario(
        key="S11b", title="torch, 5 MB/s per connection", words=TORCH, needs="torch",
        server="each_5", contenders=_ALONE, times=0.2, floor=(0.4, 0.3), aim=0.2,
    ),
    Scenario(
        key="S12a", title="torch, 100 MB/s link", words=TORCH, needs="torch",
        server="link_100", contenders=_ALONE, floor=(1.1, 0.6), aim=1.0,
    ),
    Scenario(
        key="S12b", title="torch, ranges do not scale", words=TORCH, needs="torch",
        server="bad_ranges", contenders=_ALONE, floor=(1.1, 0.6), aim=1.0,
    ),
    Scenario(
        key="S13", title="warm install with bytecode, second time", words=JUPYTER,
        needs="jupyter", warm=True, contenders=_COMPILED, floor=(0.2, 0.05), aim=0.1,
    ),
    Scenario(
        key="S14", title="copy mode, 97", words=JUPYTER, needs="jupyter", warm=True,
        contenders=_COPIED, floor=(1.0, None), aim=0.5,
    ),
    Scenario(
        key="S15a", title="200 labels × 30 releases, dry run, warm, CPU time",
        words=("variantdemo",), warm=True, state="known", forget=("resolutions", "shortcuts"),
        contenders=_VARIANTS, figure="cpu", times=4, floor=(1.15, None), aim=1.05,
    ),
    Scenario(
        key="S15b", title="200 labels × 30 releases, dry run, cold, CPU time",
        words=("variantdemo",), state="known", contenders=_VARIANTS, figure="cpu", times=4,
        floor=(1.15, None), aim=1.05,
    ),
)  # fmt: skip
"""In the order of the table; S16, peak memory, is made of all of them."""


def chosen(keys: str | None) -> tuple[Scenario, ...]:
    """Those that `keys` names (`S1,S5`: a key or its beginning); all where it is None."""
    if keys is None:
        return SCENARIOS
    wanted = keys.split(",")
    return tuple(s for s in SCENARIOS if s.key in wanted or s.key.rstrip("ab") in wanted)
