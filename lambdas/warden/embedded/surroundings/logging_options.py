"""What AWS IoT's logging operations set and show. This home stores it, for who sets it and for audits; it logs nothing
by it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from moto.iot.exceptions import InvalidRequestException, IoTClientError

LEVELS_AT_MOST = 1000
"""Targets with a level of their own (AWS IoT Core quotas, resource-specific logging configurations)."""

LONGEST_NAME = 256  # of a target; AWS's model has no bound
DESTINATION = "AWSIotLogsV2"
OFF_BY_DEFAULT = ("Connection.AuthNError", "Ping")
EVENT_TYPES = (
    "Connect",
    "Connection.AuthNError",
    "DeleteConnection",
    "Disconnect",
    "FunctionExecution",
    "GetConnection",
    "GetRetainedMessage",
    "ListRetainedMessage",
    "ListSubscriptions",
    "Ping",
    "Publish-In",
    "Publish-Out",
    "Queued",
    "RuleExecution",
    "RuleMatch",
    "RuleMessageThrottled",
    "RuleNotFound",
    "SendDirectMessage",
    "StartingRuleExecution",
    "Subscribe",
    "Unsubscribe",
)
"""Source: AWS IoT Developer Guide, CloudWatch Logs entries."""

_ROLE = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\x21-\x7e]{1,512}")
_DEFAULT = "DEFAULT"


class NotConfiguredException(IoTClientError):
    """Logging was never set up."""

    code = 404

    def __init__(self) -> None:
        super().__init__("NotConfiguredException", "No logging options are set; SetV2LoggingOptions sets them")


class LimitExceededException(IoTClientError):
    """There are as many as there may be."""

    code = 410

    def __init__(self, message: str) -> None:
        super().__init__("LimitExceededException", message)


@dataclass(slots=True)
class LoggingOptions:
    """The options of an account, all members as AWS's model names and bounds them.

    Attributes:
        first: Of SetLoggingOptions.
        second: Of SetV2LoggingOptions; None until they are set.
        levels: Of SetV2LoggingLevel, by the target's type and name.
    """

    first: Mapping[str, Any] = field(default_factory=lambda: {"logLevel": "DISABLED"})
    second: Mapping[str, Any] | None = None
    levels: dict[tuple[str, str], str] = field(default_factory=dict)

    def set_first(self, payload: Mapping[str, Any]) -> None:
        """SetLoggingOptions: a level that is left out stays. Raises: InvalidRequestException."""
        _check_role("loggingOptionsPayload.roleArn", payload["roleArn"])
        self.first = {**self.first, **payload}

    def set_second(self, given: Mapping[str, Any]) -> None:
        """SetV2LoggingOptions.

        Role, default level and event configurations that are left out stay; the latter are replaced as a whole.
        Logs are disabled only where the request says so.

        Raises: InvalidRequestException, where logs would be written without a role.
        """
        wanted = {"defaultLogLevel": "DISABLED", **(self.second or {}), "disableAllLogs": False, **given}
        if "roleArn" in wanted or not wanted["disableAllLogs"]:
            _check_role("roleArn", wanted.get("roleArn"))
        self.second = wanted

    def show_second(self, *, verbose: bool) -> Mapping[str, Any]:
        """GetV2LoggingOptions: the event types that were configured; with `verbose`, all. Raises:
        NotConfiguredException."""
        options = self._configured()
        configured = {each["eventType"]: each for each in options.get("eventConfigurations", ())}
        usual = {name: self._usual(name, options["defaultLogLevel"]) for name in EVENT_TYPES} if verbose else {}
        events = {name: {**usual.get(name, {}), **configured.get(name, {})} for name in (*usual, *configured)}
        return {**options, "eventConfigurations": list(events.values())}

    def set_level(self, target: Mapping[str, str], level: str) -> None:
        """SetV2LoggingLevel. Raises: NotConfiguredException, InvalidRequestException, LimitExceededException."""
        options = self._configured()
        kind, name = target["targetType"], target.get("targetName", "")
        if kind == _DEFAULT:
            if name:
                raise InvalidRequestException("logTarget.targetName: expected nothing, since DEFAULT has no name")
            self.second = {**options, "defaultLogLevel": level}
            return
        if not 1 <= len(name) <= LONGEST_NAME:
            raise InvalidRequestException(
                f"logTarget.targetName: expected 1 to {LONGEST_NAME} characters, got {len(name)}"
            )
        if (kind, name) not in self.levels and len(self.levels) >= LEVELS_AT_MOST:
            raise LimitExceededException(f"At most {LEVELS_AT_MOST} targets can have a logging level of their own")
        self.levels[kind, name] = level

    def show_levels(self, kind: str | None) -> list[Mapping[str, Any]]:
        """ListV2LoggingLevels: of one type of target, or of all and the default. Raises: NotConfiguredException."""
        default = {"logTarget": {"targetType": _DEFAULT}, "logLevel": self._configured()["defaultLogLevel"]}
        others = [
            {"logTarget": {"targetType": each, "targetName": name}, "logLevel": level}
            for (each, name), level in self.levels.items()
        ]
        return [each for each in (default, *others) if kind in (None, each["logTarget"]["targetType"])]

    def delete_level(self, kind: str, name: str) -> None:
        """DeleteV2LoggingLevel; a missing one is no error. Raises: InvalidRequestException."""
        if kind == _DEFAULT:
            raise InvalidRequestException("targetType: DEFAULT cannot be deleted; SetV2LoggingOptions sets it")
        self.levels.pop((kind, name), None)

    def _configured(self) -> Mapping[str, Any]:
        if self.second is None:
            raise NotConfiguredException
        return self.second

    @staticmethod
    def _usual(event_type: str, default_level: str) -> Mapping[str, str]:
        level = "DISABLED" if event_type in OFF_BY_DEFAULT else default_level
        return {"eventType": event_type, "logLevel": level, "logDestination": DESTINATION}


def _check_role(where: str, arn: str | None) -> None:
    if not _ROLE.fullmatch(arn or ""):
        got = "nothing" if arn is None else f"{arn[:100]!r}"
        raise InvalidRequestException(f"{where}: expected the ARN of an IAM role, got {got}")
