"""What a check finds, and what it is given to look with."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from warden.adapters.dynamodb import DynamoTable
from warden.cli.stage import Stage
from warden.domain.alerts.target import Home
from warden.storage import keys


class State(StrEnum):
    """How something is. Only `fail` makes the command fail: what cannot be told is not known to be broken."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's.

    Attributes:
        about: What was looked at.
        state: How it is.
        call: What was asked, and of whom.
        answer: What came back, and what that means.
        then: The next command to run, or what to change; empty where there is nothing to do.
    """

    about: str
    state: State
    call: str
    answer: str
    then: str = ""


@dataclass(frozen=True, slots=True)
class Patient:
    """The stage that is looked at.

    Attributes:
        stage: Its parts.
        home: Where it is.
        client: boto3's name of a service to a client.
        now: Epoch ms.
        interval: Seconds between two reports of a device, for what a quota carries.
    """

    stage: Stage
    home: Home
    client: Callable[[str], Any]
    now: int
    interval: int = 300

    @property
    def control(self) -> DynamoTable:
        """Table `control`."""
        return DynamoTable(self.client("dynamodb"), self.stage.control_table, keys.CONTROL)

    def warden(self, command: str) -> str:
        """A command of ours, for this stage."""
        return f"warden {command} --stage {self.stage.name}"


Check = Callable[[Patient], Iterator[Finding]]
"""Looks at one thing, and says what it finds. What AWS refuses it may raise."""
