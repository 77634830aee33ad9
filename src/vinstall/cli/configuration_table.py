"""What `vinstall config` prints."""

from __future__ import annotations

from vinstall.cli.console import render_table
from vinstall.workflows.configuration import Configuration, shown_value


def render_configuration(configuration: Configuration, form: str) -> str:
    """Every configured value with its origin, sorted by name, passwords left out; `form` is `text` or `json`."""
    values = sorted(configuration.values.items())
    if form == "json":
        import json

        table = {
            name: {"value": shown_value(value), "origin": value.origin.replace("`", "")}
            for name, value in values
        }
        return json.dumps(table, indent=2)
    if not values:
        return "nothing is configured"
    rows = [
        (name, _text(shown_value(value)), value.origin.replace("`", "")) for name, value in values
    ]
    return render_table(("option", "value", "origin"), rows)


def _text(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case list():
            return " ".join(str(item) for item in value)
        case _:
            return str(value)
