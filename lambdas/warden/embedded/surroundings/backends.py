"""moto in this process: the AWS services that a fleet's registry and its alerts need, for one account and region.

moto keeps its state in globals, so a process has one `Backends` at a time. Every request is answered by moto's
response classes directly, neither by its server (which has a reset anyone may call) nor by its botocore hooks
(which let a request to an unknown host out to the network). The region and account of a request are the home's,
whatever the request says: another region would be another, empty set of backends.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeGuard

import moto
from moto.core.base_backend import AccountSpecificBackend, BackendDict, BaseBackend
from moto.core.config import default_user_config
from moto.core.model_instances import reset_model_data
from moto.core.request import Request
from moto.core.responses import BaseResponse
from moto.core.routing import get_service_router
from moto.iam.models import IAMBackend, iam_backends
from moto.iam.responses import IamResponse
from moto.iot.models import iot_backends
from moto.iotdata.models import IoTDataPlaneBackend, iotdata_backends
from moto.iotdata.responses import IoTDataPlaneResponse
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends
from moto.sqs.responses import SQSResponse
from moto.sts.models import STSBackend, sts_backends
from moto.sts.responses import TokenResponse
from moto.utilities.utils import get_partition
from werkzeug.exceptions import HTTPException, NotFound

from warden.control_api.http import HttpRequest, HttpResponse
from warden.embedded.surroundings import queues, sns
from warden.embedded.surroundings.answers import Refused, refusal
from warden.embedded.surroundings.authority import Authority
from warden.embedded.surroundings.outlet import Outlet
from warden.embedded.surroundings.queues import Queues
from warden.embedded.surroundings.registry import Registry
from warden.embedded.surroundings.registry_api import RegistryResponse

log = logging.getLogger(__name__)

MOTO_VERSION: str = moto.__version__


class DataPlane(IoTDataPlaneBackend):
    """moto's iot-data backend, which knows shadows only: messages are the broker's, see `messages`."""

    def publish(self, topic: str, payload: bytes) -> None:
        """Never asked for. Raises: NotImplementedError."""
        raise NotImplementedError


class Key(NamedTuple):
    """Which backend: `region` is the partition's name for the services that have no regions."""

    service: str
    account: str
    region: str


@dataclass(frozen=True, slots=True)
class Service:
    """How moto does a service: where its backends are kept, and the classes that hold and answer."""

    backends: BackendDict[Any]
    backend: type[BaseBackend]
    response: type[BaseResponse]
    regional: bool = True


SERVICES: Mapping[str, Service] = {
    "iot": Service(iot_backends, Registry, RegistryResponse),
    "iot-data": Service(iotdata_backends, DataPlane, IoTDataPlaneResponse),
    "sns": Service(sns_backends, sns.Notifications, sns.NotificationsResponse),
    "sqs": Service(sqs_backends, Queues, SQSResponse),
    "iam": Service(iam_backends, IAMBackend, IamResponse, regional=False),
    "sts": Service(sts_backends, STSBackend, TokenResponse, regional=False),
}

NOT_HERE: Mapping[str, tuple[str, ...]] = {
    "iot": ("Job", "TopicRule", "DomainConfiguration"),
    "sns": ("PlatformApplication", "PlatformEndpoint", "EndpointAttributes"),
}
"""Parts of the names of operations that moto would answer, and that nothing would come of."""

_one_a_process = threading.Lock()


class _Request(Request):
    from_wsgi_server = True  # so that no Date header is made up here


class Backends:
    """moto's backends, installed until `close`. Every call is made with the owner's lock held.

    Args:
        account: The account of this home, 12 digits.
        region: Its region.
        base_url: What queue URLs begin with, without a slash at the end.
        authority: Issues certificates.
        devices_host: Where devices connect.
        outlet: Where SNS messages leave.
        pause: For long polls, see `Queues`.
    Raises: RuntimeError, where this process has another one open.
    """

    def __init__(
        self,
        *,
        account: str,
        region: str,
        base_url: str,
        authority: Authority,
        devices_host: str,
        outlet: Outlet,
        pause: Callable[[float], bool],
    ) -> None:
        if not _one_a_process.acquire(blocking=False):
            raise RuntimeError("moto keeps its state in globals: one Backends at a time in a process")
        self._account = account
        self._region = region
        self._base_url = base_url
        self._authority = authority
        self._devices_host = devices_host
        self._outlet = outlet
        self._pause = pause
        self._undo = [sns.install(), queues.install(), _use_valid_certificates()]
        self._responses = {name: _response(each.response, account, region) for name, each in SERVICES.items()}
        for name in SERVICES:
            self._place(self._key(name), SERVICES[name].backend(self._key(name).region, account))

    @property
    def registry(self) -> Registry:
        """The home's thing registry."""
        registry = SERVICES["iot"].backends[self._account][self._region]
        assert isinstance(registry, Registry)
        return registry

    def state(self) -> dict[Key, BaseBackend]:
        """Every backend there is. moto's list of every object ever made is emptied by the way."""
        reset_model_data()
        return dict(self._all())

    def restore(self, state: Mapping[Key, BaseBackend]) -> None:
        """Put the backends of `state` in place, also those of other accounts and regions."""
        for key, backend in state.items():
            self._place(key, backend)

    def call(self, service: str, request: HttpRequest) -> tuple[str, HttpResponse]:
        """Have moto answer. Returns: The operation's name, empty where there is none, and the answer."""
        try:
            return self._answer(service, request)
        except Refused as error:
            return "", refusal(service, error)

    def close(self) -> None:
        """Leave moto as it was before."""
        for service in SERVICES.values():
            service.backends.clear()
        for undo in self._undo:
            undo()
        _one_a_process.release()

    def _answer(self, service: str, request: HttpRequest) -> tuple[str, HttpResponse]:
        handler = self._responses[service]()
        url = self._base_url + request.path + (f"?{request.query}" if request.query else "")
        operation = ""
        try:
            asked = _Request.from_primitives(request.method, url, dict(request.headers), request.body)
            handler.setup_class(asked, url, asked.headers)
            operation = handler.operation()
            _check_is_here(service, operation)
            status, headers, body = handler.call_action()
        except NotImplementedError:
            raise _not_implemented(service, operation) from None
        except Refused:
            raise
        except HTTPException as error:
            status, headers, body = error.code or 500, dict(error.get_headers()), error.get_body()
        except Exception as error:
            log.exception("moto failed in %s %s", service, operation or "before the operation was known")
            raise Refused(500, "InternalFailure", f"{service} {operation}: {type(error).__name__}") from None
        if not operation:
            raise Refused(404, "UnknownOperationException", f"{service} has no {request.method} {request.path}")
        return operation, _response_of(service, status, headers, body)

    def _place(self, key: Key, backend: BaseBackend) -> None:
        if isinstance(backend, Registry):
            backend.authority = self._authority
            backend.devices_host = self._devices_host
        if isinstance(backend, sns.Notifications):
            backend.outlet = self._outlet
        if isinstance(backend, Queues):
            backend.pause = self._pause
        backends = SERVICES[key.service].backends
        if key.account not in backends:
            # made here, since moto would ask boto3 for all regions and so read the user's own AWS configuration
            backends[key.account] = AccountSpecificBackend(
                key.service, key.account, SERVICES[key.service].backend, use_boto3_regions=False, additional_regions=[]
            )
        backends[key.account][key.region] = backend

    def _key(self, service: str) -> Key:
        region = self._region if SERVICES[service].regional else get_partition(self._region)
        return Key(service, self._account, region)

    def _all(self) -> Iterator[tuple[Key, BaseBackend]]:
        for name, service in SERVICES.items():
            for account, region, backend in service.backends.iter_backends():
                yield Key(name, account, region), backend


def is_state(value: Any) -> TypeGuard[dict[Key, BaseBackend]]:
    """Whether a value is what `Backends.state` gave once: each backend under its key."""
    return isinstance(value, dict) and all(
        isinstance(key, Key) and key.service in SERVICES and isinstance(backend, SERVICES[key.service].backend)
        for key, backend in value.items()
    )


def is_iot_route(request: HttpRequest) -> bool:
    """Whether botocore's iot model has an operation at this method and path."""
    try:
        get_service_router("iot").match(_Request.from_primitives(request.method, f"http://localhost{request.path}", {}))
    except (NotFound, NotImplementedError):
        return False
    return True


class _Home(BaseResponse):
    """What a response class is mixed with to serve one account and region."""

    def operation(self) -> str:
        """The operation asked for, None or empty where there is none."""
        return self._get_action() or ""


def _response(base: type[BaseResponse], account: str, region: str) -> type[_Home]:
    class Response(_Home, base):  # type: ignore[valid-type, misc]
        def get_region_from_url(self, request: Any, full_url: str) -> str:  # noqa: ARG002
            return region

        def get_current_account(self) -> str:
            return account

    return Response


def _response_of(service: str, status: int, headers: Mapping[str, Any], body: str | bytes) -> HttpResponse:
    default = "text/xml" if service in ("iam", "sns", "sts") else "application/json"
    kept = {"Content-Type": default} | {
        name.title() if name.islower() else name: str(value)
        for name, value in headers.items()
        if name.lower() not in ("status", "server", "date", "content-length", "connection")
    }
    return HttpResponse(int(status), kept, body.encode() if isinstance(body, str) else body)


def _check_is_here(service: str, operation: str) -> None:
    if any(part in operation for part in NOT_HERE.get(service, ())):
        raise _not_implemented(service, operation)


def _not_implemented(service: str, operation: str) -> Refused:
    what = f"{service} {operation}".strip()
    return Refused(501, "NotImplementedException", f"{what} is not part of the embedded AWS surroundings")


def _use_valid_certificates() -> Callable[[], None]:
    """A certificate's id is the SHA-256 of its DER, as on AWS."""
    before = default_user_config.get("iot", {})
    default_user_config["iot"] = {"use_valid_cert": True}

    def undo() -> None:
        default_user_config["iot"] = before

    return undo
