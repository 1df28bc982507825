"""The control API's routes, as API Gateway names them, and which of them a managed policy opens.

API Gateway authorises by route, so there is one for each operation and none for the rest.
"""

from collections.abc import Mapping
from functools import cache

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel

from warden.control_api.operations import NAMES, models

_READS = ("Describe", "Get", "List", "Validate")
_WORKS = ("Start", "Cancel", "Put")


@cache
def routes() -> Mapping[str, tuple[str, str]]:
    """Method and path of each operation, labels in braces as API Gateway's route keys have them.

    Reads botocore's model of `iot` from its files, about 200 ms: for whoever deploys the routes, not for a function.
    """
    description = Loader().load_service_model("iot", "service-2")
    return {name: _route(model) for name, model in models(ServiceModel(description, "iot")).items()}


def route_key(model: OperationModel) -> str:
    """What API Gateway calls an operation's route."""
    return " ".join(_route(model))


def is_read_only(operation: str) -> bool:
    """Whether an operation changes nothing.

    ValidateSecurityProfileBehaviors is one of those: it judges its input and keeps nothing of it (access level Read in
    the Service Authorization Reference, AWS IoT).
    """
    return operation.startswith(_READS)


def policies() -> Mapping[str, frozenset[str]]:
    """The operations that each managed policy allows, by the policy's name; each holds those of the one before.

    read-only: what changes nothing. operator: to deal with what was found, and so to say what a violation is worth,
    and to start and cancel audits and mitigation with the actions that others defined. admin: to decide what is
    looked for and what is hidden too; profiles, metrics, dimensions, actions, schedules, suppressions, tags.
    """
    reads = frozenset(filter(is_read_only, NAMES))
    return {
        "read-only": reads,
        "operator": reads | {name for name in NAMES if name.startswith(_WORKS)},
        "admin": frozenset(NAMES),
    }


def _route(model: OperationModel) -> tuple[str, str]:
    return model.http["method"], model.http["requestUri"]
