"""The embedded home, as far as it can be ill: whether it takes reports."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException

from warden.cli.doctor.finding import Finding, State
from warden.cli.stage import Unreachable

TIMEOUT_SECONDS = 5


def local(endpoint: str) -> Iterator[Finding]:
    """What `/healthz` of an http or https URL says. Raises Unreachable."""
    url = f"{endpoint}/healthz"
    call = f"GET {url}"
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_SECONDS):  # noqa: S310 (the option takes no other scheme)
            yield Finding("home", State.OK, call, "200: reports are taken")
    except urllib.error.HTTPError as error:
        said = error.read(500).decode(errors="replace").strip()
        then = "see the log of `warden serve`"
        yield Finding("home", State.FAIL, call, f"{error.code}: {_reason(said)}", then)
    except (OSError, HTTPException) as error:
        raise Unreachable(f"{url} does not answer ({error}). Start it: warden serve") from error


def _reason(said: str) -> str:
    try:
        body = json.loads(said)
    except ValueError:
        return said
    return ", ".join(f"{name}: {value}" for name, value in body.items()) if isinstance(body, dict) else said
