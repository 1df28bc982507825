"""A marked message goes the way of a profile's alerts, and what comes back of it is looked for."""

from collections.abc import Callable
from dataclasses import dataclass

from warden.domain.alerts.message import TEST_PREFIX, trial_publication
from warden.domain.behaviors.profile import AlertTarget
from warden.domain.errors import InvalidRequest
from warden.ports import RulePublisher
from warden.storage.catalogue import CatalogueStore
from warden.storage.delivery_rules import DeliveryRules, Trials
from warden.use_cases.update_security_profile import current


@dataclass(frozen=True, slots=True)
class Trial:
    """A message on its way: its violation id, which no violation has, and where it goes."""

    violation_id: str
    target: AlertTarget


class TryAlert:
    """Sends such messages.

    Args:
        catalogue: The security profiles.
        records: Where alert rules are recorded.
        trials: Where answers are kept.
        alerts: The way into the rules.
        fresh: Gives 16 random hex digits.
    """

    def __init__(
        self,
        catalogue: CatalogueStore,
        records: DeliveryRules,
        trials: Trials,
        alerts: RulePublisher,
        fresh: Callable[[], str],
    ) -> None:
        self._catalogue = catalogue
        self._records = records
        self._trials = trials
        self._alerts = alerts
        self._fresh = fresh

    def start(self, profile: str, *, now: int) -> Trial:
        """Publish a message. Raises ResourceNotFound; InvalidRequest, where the profile sends no alerts; Unavailable.

        Args:
            profile: The profile's name.
            now: Epoch ms.
        """
        target = current(self._catalogue, profile).version.record.profile.alert_target
        if target is None:
            raise InvalidRequest(f"{profile!r} has no alert target: UpdateSecurityProfile gives it one (alertTargets)")
        stored = self._records.of(target.role_arn)
        if stored is None:
            raise InvalidRequest(
                f"no alert rule is on record for {target.role_arn}: give the profile its alert target again"
                " (UpdateSecurityProfile, alertTargets), which makes the rule"
            )
        violation_id = TEST_PREFIX + self._fresh()
        topic = stored.record.alert_topic(1, target.alert_target_arn)
        self._alerts.publish(topic, trial_publication(profile, violation_id, at=now))
        return Trial(violation_id, target)

    def received(self, trial: Trial) -> bool:
        """Whether the rule's receipt came."""
        return self._trials.received(trial.violation_id)

    def error(self, trial: Trial) -> str | None:
        """What the rule's error action said; None where nothing."""
        return self._trials.error(trial.violation_id)
