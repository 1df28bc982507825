"""The tags of what Device Defender knows: security profiles, custom metrics, dimensions."""

from collections.abc import Callable, Mapping

import msgspec

from warden.domain.errors import InvalidRequest, LimitExceeded, ResourceNotFound
from warden.ports import Write
from warden.storage.catalogue import CatalogueStore

MOST_TAGS = 50
"""Of one resource. Source: AWS General Reference, Tag naming limits and requirements."""

RESERVED = "aws:"

Tags = Mapping[str, str]


def check_tags(tags: Tags) -> None:
    """Raises InvalidRequest where a key is AWS's own, LimitExceeded where there are more than a resource may have."""
    for key in tags:
        if key.lower().startswith(RESERVED):
            raise InvalidRequest(f"tags: expected keys that do not begin with {RESERVED}, got {key!r}")
    if len(tags) > MOST_TAGS:
        raise LimitExceeded(f"tags: a resource has at most {MOST_TAGS}, got {len(tags)}")


def tags_of(catalogue: CatalogueStore, kind: str, name: str) -> Tags:
    """The tags of a resource. Raises ResourceNotFound.

    Args:
        catalogue: Where resources are kept.
        kind: As ARNs have it: `securityprofile`, `custommetric`, `dimension`.
        name: Its name.
    """
    return _tagged(catalogue, kind, name)[0]


def tag_resource(catalogue: CatalogueStore, kind: str, name: str, tags: Tags, *, now: int) -> None:
    """Add tags to a resource; of a key that it has, the value changes. Raises ResourceNotFound, InvalidRequest,
    LimitExceeded; arguments as `tags_of` has them, `now` in epoch ms."""
    _change(catalogue, kind, name, lambda there: {**there, **tags}, now)


def untag_resource(catalogue: CatalogueStore, kind: str, name: str, keys: list[str], *, now: int) -> None:
    """Take tags from a resource; a key that it does not have is no error. As `tag_resource`."""
    gone = frozenset(keys)
    _change(catalogue, kind, name, lambda there: {key: there[key] for key in there if key not in gone}, now)


def _change(catalogue: CatalogueStore, kind: str, name: str, edit: Callable[[Tags], dict[str, str]], now: int) -> None:
    def writes(_: int) -> list[Write]:
        there, write = _tagged(catalogue, kind, name)
        tags = edit(there)
        check_tags(tags)
        return [] if tags == there else [write(tags)]

    catalogue.change(now, writes)


def _tagged(catalogue: CatalogueStore, kind: str, name: str) -> tuple[Tags, Callable[[dict[str, str]], Write]]:
    """The tags of a resource, and what writes others in their place."""
    if kind == "custommetric" and (metric := catalogue.custom_metrics.get(name)):
        return metric.record.tags, lambda tags: catalogue.custom_metrics.put(
            msgspec.structs.replace(metric.record, tags=tags), metric
        )
    if kind == "dimension" and (dimension := catalogue.dimensions.get(name)):
        return dimension.record.tags, lambda tags: catalogue.dimensions.put(
            msgspec.structs.replace(dimension.record, tags=tags), dimension
        )
    if kind == "securityprofile" and (head := catalogue.head(name)) and not head.record.deleted:
        return head.record.tags, lambda tags: catalogue.put_head(msgspec.structs.replace(head.record, tags=tags), head)
    raise ResourceNotFound(f"resourceArn: there is no {kind} {name!r}")
