"""What `vinstall explain` prints."""

from __future__ import annotations

import json

from vinstall.cli.console import render_table
from vinstall.workflows.explain_release import ExplainedLabel, Explanation


def render_explanation_text(explanation: Explanation) -> str:
    """A table of the labels, those that fit by rank, then the others; and what would be installed."""
    lines = [f"{explanation.project} {explanation.version} from {explanation.index}", ""]
    if explanation.labels:
        rows = [_row(label) for label in explanation.labels]
        lines += [render_table(("rank", "label", "here"), rows), ""]
    else:
        lines += ["no variants", ""]
    if explanation.chosen is not None:
        lines.append(f"would install {explanation.chosen}")
        return "\n".join(lines)
    lines.append("nothing of this release can be installed here")
    lines += [f"  {filename} {reason}" for filename, reason in explanation.plain]
    if explanation.instead is not None:
        lines.append(f"would install {explanation.project} {explanation.instead} instead")
    return "\n".join(lines)


def _row(label: ExplainedLabel) -> tuple[str, str, str]:
    """Rank, label, and below the wheel the properties that place it there."""
    rank = "-" if label.rank is None else str(label.rank)
    here = [label.wheel or label.reason or "", *label.deciding]
    return rank, label.label, "\n  ".join(here)


def render_explanation_json(explanation: Explanation) -> str:
    """`{"project", "version", "index", "labels": [{"label", "rank", "properties", "wheel", "reason"}]}`."""
    document = {
        "project": explanation.project,
        "version": explanation.version,
        "index": explanation.index,
        "labels": [
            {
                "label": label.label,
                "rank": label.rank,
                "properties": list(label.properties),
                "wheel": label.wheel,
                "reason": label.reason,
            }
            for label in explanation.labels
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)
