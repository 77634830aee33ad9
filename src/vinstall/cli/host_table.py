"""What `vinstall host` prints."""

from __future__ import annotations

import json

from vinstall.cli.console import render_table
from vinstall.workflows.host import HostReport
from vinstall.workflows.report import answer_json

_FLAG = ("on",)


def render_host_text(report: HostReport) -> str:
    """The machine, then what each provider found and how; CPU flags in one line."""
    facts = report.facts
    machine = " ".join(part for part in (facts.system, facts.machine, facts.libc) if part)
    rows = []
    for namespace, answer in report.answers:
        flags = [one.name for one in answer.features if one.values == _FLAG]
        lines = [
            f"{one.name}: {', '.join(one.values)}" for one in answer.features if one.values != _FLAG
        ]
        if flags:
            lines.append(f"flags: {' '.join(flags)}")
        how = answer.unavailable or answer.how
        rows.append((namespace, how))
        rows += [("", line) for line in lines]
    return f"{machine}, Python {facts.python}\n\n{render_table(('provider', 'found'), rows)}"


def render_host_json(report: HostReport) -> str:
    """`{"machine", "system", "libc", "python", "providers": {namespace: {"how", ...}}}`."""
    facts = report.facts
    document = {
        "machine": facts.machine,
        "system": facts.system,
        "libc": facts.libc,
        "python": facts.python,
        "providers": {namespace: answer_json(answer) for namespace, answer in report.answers},
    }
    return json.dumps(document, indent=2, ensure_ascii=False)
