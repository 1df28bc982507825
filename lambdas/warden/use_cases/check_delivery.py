"""A profile may have alerts or metrics sent somewhere: they can go there, AWS IoT may use the role, and the caller may
pass it."""

from collections.abc import Sequence

from warden.domain.alerts.caller import Role, User, caller
from warden.domain.alerts.rule import RANDOM_CHARACTERS, rule_prefix
from warden.domain.alerts.target import Delivery, Home, delivery_problems, role_member
from warden.domain.alerts.trust import SERVICE, trust_problem
from warden.domain.behaviors.profile import MetricsExportConfig
from warden.domain.errors import InvalidRequest
from warden.ports import Roles
from warden.storage.delivery_rules import DeliveryRules
from warden.use_cases.prepare_delivery_rule import PrepareDeliveryRule


class CheckDelivery:
    """Checks what a profile is to name, and has its rule ready.

    Args:
        roles: The account's roles.
        records: Where delivery rules are recorded.
        prepare: Makes them.
        home: Where the deployment is.
        stage: The deployment's.
        role_arns: Patterns of the roles that may be named.
        check_pass_role: Whether the caller has to be allowed to pass the role.
    """

    def __init__(
        self,
        roles: Roles,
        records: DeliveryRules,
        prepare: PrepareDeliveryRule,
        *,
        home: Home,
        stage: str,
        role_arns: Sequence[str],
        check_pass_role: bool,
    ) -> None:
        self._roles = roles
        self._records = records
        self._prepare = prepare
        self._home = home
        self._stage = stage
        self._role_arns = role_arns
        self._check_pass_role = check_pass_role

    def __call__(self, to: Delivery, *, caller_arn: str, now: int) -> None:
        """Raises InvalidRequest, which names the member, the value and what is allowed; Unavailable.

        Args:
            to: What the profile is to name, well-formed.
            caller_arn: Whoever calls the API, as its authoriser says.
            now: Epoch ms.
        """
        if found := list(delivery_problems(to, self._home, self._role_arns)):
            raise InvalidRequest("; ".join(found))
        mqtt_topic = to.mqtt_topic if isinstance(to, MetricsExportConfig) else ""
        try:
            if self._check_pass_role:
                self._check_caller(caller_arn, to.role_arn)
            self._check_trust(to.role_arn, mqtt_topic)
        except InvalidRequest as error:
            raise InvalidRequest(f"{role_member(to)}: {error}") from None
        self._prepare(to.role_arn, mqtt_topic, look=True, now=now)

    def _check_caller(self, caller_arn: str, role_arn: str) -> None:
        principal = self._principal(caller_arn, role_arn)
        if not self._roles.may_pass(principal, role_arn):
            raise InvalidRequest(f"{principal} needs iam:PassRole on {role_arn!r}, with iam:PassedToService {SERVICE}")

    def _principal(self, caller_arn: str, role_arn: str) -> str:
        who = caller(caller_arn, self._home.account)
        if isinstance(who, User):
            return who.arn
        found = self._roles.find(who.name) if isinstance(who, Role) else None
        if found is None:
            why = "the role is gone" if isinstance(who, Role) else who
            raise InvalidRequest(f"it cannot be told whether {caller_arn} may pass {role_arn!r}: {why}")
        return found.arn

    def _check_trust(self, role_arn: str, mqtt_topic: str) -> None:
        found = self._roles.find(role_arn.rsplit("/", 1)[-1])
        if found is None or found.arn != role_arn:
            there = f"the role of that name is {found.arn!r}" if found else "there is none"
            raise InvalidRequest(f"expected a role that exists, got {role_arn!r}; {there}")
        stored = self._records.of(role_arn, mqtt_topic)
        unmade = rule_prefix(self._stage, exports=bool(mqtt_topic)) + "0" * RANDOM_CHARACTERS
        rule = stored.record.name if stored else unmade
        if problem := trust_problem(found.trust, self._home, rule):
            raise InvalidRequest(f"AWS IoT cannot use {role_arn!r}: {problem}")
