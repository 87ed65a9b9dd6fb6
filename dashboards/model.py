"""The parts of a Grafana dashboard that the checks look at, and how to read them.

Grafana's model is larger and grows; unknown keys are ignored. Keys that the checks ask for have defaults that the
checks refuse, so that what is missing becomes a separate problem and not the end of the reading.
"""

from __future__ import annotations

from pathlib import Path

import msgspec


class DashboardError(Exception):
    """Root of this package's errors: something that leaves no verdict, such as a missing or malformed input."""


class Loose(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Base of the parts: frozen, open to unknown keys, `gridPos` for `grid_pos`."""


class DataSource(Loose, frozen=True, kw_only=True):
    """Where a panel or target reads from."""

    type: str = ""
    uid: str | None = None


class GridPos(Loose, frozen=True, kw_only=True):
    """A panel's place; a row of the grid is 24 wide."""

    x: int = -1
    y: int = -1
    w: int = 0
    h: int = 0


class Target(Loose, frozen=True, kw_only=True):
    """One query."""

    ref_id: str = ""
    expr: str = ""
    legend_format: str = ""
    datasource: DataSource | str | None = None
    """A string is a data source's name, as older dashboards have it."""


class Step(Loose, frozen=True, kw_only=True):
    """One threshold."""

    color: str = ""
    value: float | None = None


class Thresholds(Loose, frozen=True, kw_only=True):
    """A panel's thresholds, rising; the first has no value."""

    steps: tuple[Step, ...] = ()


class Defaults(Loose, frozen=True, kw_only=True):
    """How values are shown."""

    unit: str = ""
    thresholds: Thresholds | None = None


class FieldConfig(Loose, frozen=True, kw_only=True):
    """How fields are shown; overrides are ignored."""

    defaults: Defaults = Defaults()


class Panel(Loose, frozen=True, kw_only=True):
    """One panel, or a row with panels inside."""

    id: int | None = None
    type: str = ""
    title: str = ""
    datasource: DataSource | str | None = None
    """As a target's."""
    grid_pos: GridPos = GridPos()
    field_config: FieldConfig = FieldConfig()
    targets: tuple[Target, ...] = ()
    panels: tuple[Panel, ...] = ()


class Current(Loose, frozen=True, kw_only=True):
    """A variable's value: a text or a number, several of them, or nothing yet."""

    value: str | float | tuple[str | float, ...] | None = None


class Variable(Loose, frozen=True, kw_only=True):
    """A dashboard variable."""

    name: str = ""
    type: str = ""
    query: object = None
    """A text, or for some types an object that holds one under `query`."""
    definition: str | None = None
    """What some versions keep next to an object in `query`."""
    current: Current | None = None
    include_all: bool | None = None
    multi: bool | None = None
    all_value: str | None = None
    """What `All` stands for; None: all values there are."""


class Input(Loose, frozen=True, kw_only=True):
    """What the import of an exported file asks for."""

    name: str = ""
    type: str = ""
    plugin_id: str = ""
    value: str | None = None
    """Of an input of type `constant`."""


class Templating(Loose, frozen=True, kw_only=True):
    """The dashboard's variables."""

    list: tuple[Variable, ...] = ()


class Dashboard(Loose, frozen=True, kw_only=True):
    """A dashboard."""

    uid: str | None = None
    title: str = ""
    schema_version: int = 0
    templating: Templating = Templating()
    panels: tuple[Panel, ...] = ()
    inputs: tuple[Input, ...] = msgspec.field(name="__inputs", default=())

    @property
    def drawn(self) -> tuple[Panel, ...]:
        """All panels that draw something: rows stand for the panels inside them."""
        flat: list[Panel] = []
        for panel in self.panels:
            flat.extend(panel.panels if panel.type == "row" else (panel,))
        return tuple(flat)


class _Wrapped(msgspec.Struct, frozen=True):
    """A dashboard as Grafana's HTTP API takes and gives it, or as a resource of Grafana 12."""

    dashboard: msgspec.Raw = msgspec.Raw()
    spec: msgspec.Raw = msgspec.Raw()
    kind: str = ""
    panels: msgspec.Raw = msgspec.Raw()


def parse(text: str | bytes) -> Dashboard:
    """Read a dashboard's JSON, plain or wrapped as `{"dashboard": {…}}`.

    DashboardError when it is no JSON object, or a key has another type than Grafana's.
    """
    try:
        wrapped = msgspec.json.decode(text, type=_Wrapped)
        if not bytes(wrapped.panels):
            if bytes(wrapped.dashboard):
                return msgspec.json.decode(wrapped.dashboard, type=Dashboard)
            if wrapped.kind == "Dashboard" and bytes(wrapped.spec):
                return msgspec.json.decode(wrapped.spec, type=Dashboard)
        return msgspec.json.decode(text, type=Dashboard)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DashboardError(f"is no dashboard: {error}") from error


def read(path: Path) -> Dashboard:
    """Read a dashboard file; DashboardError, with the file's name, when it is missing or malformed."""
    try:
        return parse(path.read_bytes())
    except OSError as error:
        raise DashboardError(f"{path.name} can't be read: {error.strerror}") from error
    except DashboardError as error:
        raise DashboardError(f"{path.name} {error}") from error
