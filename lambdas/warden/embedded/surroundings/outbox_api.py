"""The outbox over HTTP, for `warden outbox`: paths of our own, which no AWS operation has.

`GET /thingwarden/outbox` lists letters, e-mails without their bodies, the newest first; its parameters are `protocol`,
`endpoint`, `limit` and `before`, an id; with `after`, an id, it lists those that came later, the oldest first.
`GET /thingwarden/outbox/ID` is one letter whole.
"""

from collections.abc import Callable, Mapping
from urllib.parse import parse_qs

import msgspec

from warden.control_api.http import HttpRequest, HttpResponse
from warden.embedded.surroundings.answers import Refused, refusal
from warden.embedded.surroundings.outbox import PAGE, Letter, Outbox

PATH = "/thingwarden/outbox"
PROTOCOLS = ("email", "email-json", "sms")

_PARAMETERS = ("protocol", "endpoint", "limit", "before", "after")
_LONGEST_NUMBER = 18  # digits, which fit SQLite's integers


class OutboxApi:
    """Answers for the outbox.

    Args:
        outbox: What is shown.
        clock: Epoch milliseconds.
    """

    def __init__(self, outbox: Outbox, clock: Callable[[], int]) -> None:
        self._outbox = outbox
        self._clock = clock

    def handle(self, request: HttpRequest) -> HttpResponse:
        """The answer to a request for `PATH` or below it."""
        try:
            return _answer(self._read(request))
        except Refused as error:
            return refusal("", error)

    def _read(self, request: HttpRequest) -> object:
        name = request.path.removeprefix(PATH).removeprefix("/")
        if name:
            found = self._outbox.get(_number("id", name), now=self._clock())
            if found is None:
                raise Refused(404, "ResourceNotFoundException", f"there is no letter {name} in the outbox")
            return found
        return {"letters": [_in_short(letter) for letter in self._letters(_parameters(request.query))]}

    def _letters(self, given: Mapping[str, str]) -> list[Letter]:
        now, limit = self._clock(), _number("limit", given.get("limit", str(PAGE)))
        protocol, endpoint = given.get("protocol", ""), given.get("endpoint", "")
        if "after" in given:
            after = _number("after", given["after"])
            return self._outbox.after(after, now=now, limit=limit, protocol=protocol, endpoint=endpoint)
        before = _number("before", given["before"]) if "before" in given else None
        return self._outbox.newest(now=now, before=before, limit=limit, protocol=protocol, endpoint=endpoint)


def _in_short(letter: Letter) -> dict[str, object]:
    """A letter in a list: an SMS is its text, of an e-mail the subject will do."""
    members: dict[str, object] = msgspec.to_builtins(letter)
    return {name: value for name, value in members.items() if name != "body" or letter.protocol == "sms"}


def is_outbox(method: str, path: str) -> bool:
    """Whether a request is for the outbox."""
    return method == "GET" and (path == PATH or path.startswith(f"{PATH}/"))


def _parameters(query: str) -> dict[str, str]:
    try:
        found = parse_qs(query, keep_blank_values=True, max_num_fields=20)
    except ValueError as error:
        raise Refused(400, "InvalidRequestException", f"query: {error}") from None
    for name, values in found.items():
        if name not in _PARAMETERS or len(values) > 1:
            known = ", ".join(_PARAMETERS)
            raise Refused(400, "InvalidRequestException", f"expected {known}, each at most once, got {name[:100]}")
    return {name: values[0] for name, values in found.items()}


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER):
        raise Refused(400, "InvalidRequestException", f"{name}: expected a number, got {text[:100]!r}")
    return int(text)


def _answer(value: object) -> HttpResponse:
    return HttpResponse(200, {"Content-Type": "application/json"}, msgspec.json.encode(value))
