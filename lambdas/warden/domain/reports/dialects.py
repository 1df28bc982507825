"""The three sets of names that clients really use, each as strict types that take that set and nothing else.

| dialect     | names                                       | used by                                       |
|-------------|---------------------------------------------|-----------------------------------------------|
| long        | all long                                    | AWS's Python agent, Greengrass, Device Client |
| agent short | short, but `port` and `interface` in `pts`  | AWS's Python agent with short names           |
| short       | all short                                   | AWS's libraries in C                          |

They decode a usual report in C. What they refuse may still be acceptable (other mixtures, unknown keys, numbers such
as 1e+15): `document` decides that, and alone says what is wrong.
"""

import types
from collections.abc import Mapping
from operator import attrgetter
from typing import Annotated, Any, Union, get_args, get_origin

from msgspec import Struct, defstruct
from msgspec.structs import fields

from warden.domain.reports.addresses import host
from warden.domain.reports.document import check
from warden.domain.reports.report import MAX_DEPTH, MAX_NUMBER, SHORT, Decoded, Part, Report


def _renamed(kind: Any, names: Mapping[str, str]) -> Any:
    """The same type, every struct in it a subclass that is read under other names: attributes stay as they are."""
    if isinstance(kind, type) and issubclass(kind, Struct):
        return defstruct(
            kind.__name__,
            [
                (field.name, _renamed(field.type, names), *(() if field.required else (field.default,)))
                for field in fields(kind)
            ],
            bases=(kind,),
            rename=names,
            **{option: getattr(Part.__struct_config__, option) for option in _OPTIONS},
        )
    if get_origin(kind) is Annotated:
        inner, *constraints = get_args(kind)
        return Annotated[_renamed(inner, names), *constraints]
    if get_origin(kind) is list:
        return list[_renamed(get_args(kind)[0], names)]  # type: ignore[misc]
    if get_origin(kind) in {Union, types.UnionType}:
        return Union[tuple(_renamed(option, names) for option in get_args(kind))]  # noqa: UP007
    return kind


_remote_addr = attrgetter("remote_addr")
_NUMBERS = frozenset({int, float})
_OPTIONS = ("frozen", "gc", "omit_defaults", "forbid_unknown_fields")
_AGENT_SHORT = {long: short for long, short in SHORT.items() if long not in {"port", "interface"}}

DIALECTS: tuple[type[Any], ...] = (Report, _renamed(Report, _AGENT_SHORT), _renamed(Report, SHORT))


def checked(report: Report) -> Decoded | None:
    """What a dialect's type decoded to, where it also keeps the rules that types cannot express."""
    metrics, custom_metrics = report.metrics, report.custom_metrics
    if report.header.version != "1.0" or (metrics is None and custom_metrics is None):
        return None
    try:
        found = hosts(report)
        if custom_metrics:
            _check_custom_metrics(custom_metrics)
    except ValueError:
        return None
    return Decoded(report, found)


def hosts(report: Report) -> frozenset[bytes] | None:
    """The peers of a report's connections. Raises ValueError where a remote address is in none of the forms."""
    metrics = report.metrics
    if (
        metrics is None
        or (tcp := metrics.tcp_connections) is None
        or (established := tcp.established_connections) is None
    ):
        return None
    connections = established.connections
    return None if connections is None else frozenset(map(host, map(_remote_addr, connections)))


def _check_custom_metrics(metrics: dict[str, list[dict[str, Any]]]) -> None:
    """`check` them all, which is a walk that one number a metric, as usual, does not need."""
    for objects in metrics.values():
        for values in objects:
            for value in values.values():
                if type(value) not in _NUMBERS or not -MAX_NUMBER <= value <= MAX_NUMBER:
                    check(metrics, MAX_DEPTH - 1)
                    return
