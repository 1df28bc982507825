"""A profile, without the behaviors that a home would refuse."""

import re
from collections.abc import Collection
from dataclasses import replace

from warden.cli.files.documents import Document
from warden.cli.files.kinds import PROFILE
from warden.cli.files.plan import refused_behaviors
from warden.cli.home import Home
from warden.cli.shown import safe

BEHAVIORS = "behaviors"

_POSITION = re.compile(r"^behaviors\[\d+\]\.?")


def fit(home: Home, document: Document, to_come: Collection[str]) -> tuple[Document, list[str]]:
    """The document as the home takes it.

    Args:
        home: Which judges the behaviors.
        document: Of any kind.
        to_come: Custom metrics that are still to be made: behaviors on them are judged once they are.

    Returns: The document, and what was left out, with the home's reasons.
    """
    behaviors = list(document.body.get(BEHAVIORS, [])) if document.kind is PROFILE else []
    judged = [each for each in behaviors if each.get("metric") not in to_come]
    if not (judged and refused_behaviors(home, judged)):
        return document, []
    reasons = {id(each): refused_behaviors(home, [each]) for each in judged}
    kept = [each for each in behaviors if not reasons.get(id(each))]
    left = [
        f"{document.place.at()}: {document}: behavior {safe(each['name'])!r}: "
        + "; ".join(_POSITION.sub("", safe(reason)) for reason in reasons[id(each)])
        for each in judged
        if reasons[id(each)]
    ]
    body = {name: value for name, value in document.body.items() if name != BEHAVIORS or kept}
    return replace(document, body=body | ({BEHAVIORS: kept} if kept else {})), left
