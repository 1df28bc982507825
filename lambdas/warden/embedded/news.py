"""What the data plane is told of the control plane's changes: a change is in force when it has heard of it."""

import logging
import threading
from collections.abc import Iterable
from pathlib import Path

import msgspec

from warden.domain.errors import Unavailable
from warden.embedded import channel
from warden.embedded.plane import now
from warden.ports import Things
from warden.storage.access import Subject

log = logging.getLogger(__name__)

ANSWERS_AT_ONCE = 200


class DataPlaneNews:
    """What the data plane has to know of the control plane's changes, told until it has heard.

    Args:
        path: The channel to the data plane.
        things: The registry.
    """

    def __init__(self, path: Path, things: Things) -> None:
        self._path = path
        self._things = things
        self._lock = threading.Lock()
        self._telling = threading.Lock()
        self._reload = False
        self._untold: set[str] = set()
        self._others: set[Subject] = set()

    def profiles_changed(self) -> None:
        """The security profiles are others now."""
        with self._lock:
            self._reload = True
        self._tell()

    def registry_changed(self, things: Iterable[str]) -> None:
        """The registry's answers about some things are others now."""
        with self._lock:
            self._untold.update(things)
        self._tell()

    def access_changed(self, subjects: Iterable[Subject]) -> None:
        """What is said of some subjects of access is another now."""
        with self._lock:
            self._others.update(subjects)
        self._tell()

    def _tell(self) -> None:
        try:
            self.tell()
        except Unavailable as error:
            log.warning("the data plane is told later: %s", error)

    def tell(self) -> None:
        """Tell what was not heard yet. Raises Unavailable.

        One caller at a time: what another one is just telling of our change must be heard when this returns.
        """
        with self._telling:
            with self._lock:
                reload, self._reload = self._reload, False
                things, self._untold = sorted(self._untold), set()
                others, self._others = sorted(self._others), set()
            try:
                self._tell_of(things, others, reload=reload)
            except Unavailable:
                with self._lock:  # all of it again: told twice, it changes nothing
                    self._reload |= reload
                    self._untold.update(things)
                    self._others.update(others)
                raise

    def _tell_of(self, things: list[str], others: list[Subject], *, reload: bool) -> None:
        if reload:
            channel.ask(self._path, "reload", {})
        if others:
            channel.ask(self._path, "access", {"subjects": others})
        for start in range(0, len(things), ANSWERS_AT_ONCE):
            asked = things[start : start + ANSWERS_AT_ONCE]
            answers = {thing: self._things.ask(thing, now=now()) for thing in asked}
            channel.ask(self._path, "registry-answer", {"answers": msgspec.to_builtins(answers)})

    def tell_everything(self) -> None:
        """Ask the registry again about every thing that the data plane knows: a crash may have lost what was untold,
        or the registry itself its last second."""
        after = ""
        while names := channel.ask(self._path, "things", {"after": after}):
            self.registry_changed(names)
            after = names[-1]
