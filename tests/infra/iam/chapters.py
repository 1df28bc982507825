"""What happens to a deployment in its life, so that each function makes every call that it can make.

The scenarios of both homes, and chapters of what only AWS brings about: lost receipts, events that come again late,
rules that are gone, a registry that has changed unnoticed, a stack that is made and removed.
"""

import json
from collections.abc import Callable

from moto import mock_aws

from tests.aws.conftest import ACCOUNT, DAY, HOUR, MINUTE
from tests.aws.rule_sql import Message, run
from tests.aws.streams import batch
from tests.aws.user_stack import DIMENSION, METRIC
from tests.aws.user_stack import PROFILE as USERS_PROFILE
from tests.infra.deployed import Deployed
from tests.infra.iam.calls import Calls
from tests.infra.iam.life import ALERTS, EVERYTHING, EXPORT, GROUP, PROFILE, Life
from tests.scenarios.player import SCENARIOS
from warden.rules import metrics_sql
from warden.storage.thing_log import Outbox


def registered_and_not(life: Life) -> None:
    """Reports on both topics, of things that the registry knows, knows too late, and does not know; floods."""
    life.create("a", "g", told=False)
    life.watch()
    for prefix in ("$aws", "warden-test"):
        life.report("a", 1, prefix=prefix)
        life.publish(prefix, "a", b"no report")
        for _ in range(25):
            life.publish(prefix, "nobody", b"no report")
        life.report("unknown", 1, prefix=prefix)
    life.settle()


def receipts_that_do_not_come(life: Life) -> None:
    """Alerts are published again, their rule is looked at and made again; after a day they are given up."""
    life.create("a", "g")
    life.watch()
    life.report("a", 11)
    event = life.pump()
    life.lose_rules()
    life.sweep(after=11 * MINUTE)
    life.sweep(after=2 * DAY)
    life.dispatch(event)


def events_that_come_again_late(life: Life) -> None:
    """The stream brings a batch again that dispatch had not confirmed: to the alert path it is like a sweep."""
    life.create("a", "g")
    life.watch()
    life.report("a", 11)
    event = life.pump()
    life.lose_rules()
    life.now += 11 * MINUTE
    life.dispatch(event)
    life.now += 2 * DAY
    life.dispatch(event)


def ends_before_beginnings(life: Life) -> None:
    """An entry that dispatch failed at waits, and so does one behind it: the end of a violation comes first."""
    life.create("a", "g")
    life.create("b", "g")
    life.watch()
    for thing in "ab":
        life.report(thing, 11)
        life.report(thing, 1)
    life.dispatch(batch(life._stream.read(), 1))
    outbox = Outbox(life.log_table)
    for marked in outbox.waiting(before=life.now + DAY, now=life.now + DAY, limit=10):
        if (marked.thing, marked.seq) == ("b", 1):
            outbox.try_again(marked, at=life.now + DAY)
    life.sweep(after=11 * MINUTE)


def what_dispatch_left_behind(life: Life) -> None:
    """Dispatch is down: the sweep does its work, and sets aside what cannot be done."""
    life.create("a", "g")
    life.create("b", "g")
    life.watch()
    life.report("a", 11)
    life.report("b", 12)
    life.sweep(after=11 * MINUTE)
    life.report("a", 1)
    life.sweep(after=11 * MINUTE)


def a_profile_is_deleted(life: Life) -> None:
    """With a target still attached, and violations going on; then its alert rule is needed by nobody."""
    life.create("a", "g")
    life.watch()
    life.report("a", 11)
    life.settle()
    life.ask("delete_security_profile", {"securityProfileName": "p"})
    for _ in range(5):
        life.sweep(after=HOUR)


def rules_that_nobody_needs(life: Life) -> None:
    """The role's rule was removed when an event for it comes late, to dispatch and to a sweep."""
    life.create("a", "g")
    life.create("b", "g")
    life.watch()
    life.report("a", 11)
    life.forget_rules()
    life.pump()
    life.report("b", 11)
    life.forget_rules()
    life.sweep(after=11 * MINUTE)


def metrics_are_exported(life: Life) -> None:
    """Into a rule that somebody deleted, and into one that was removed since nobody needed it."""
    life.create("a", "g")
    life.watch()
    life.report("a", 1)
    life.lose_rules()
    life.export()
    life.report("a", 1)
    life.forget_rules()
    life.export()


def rules_that_somebody_needs_again(life: Life) -> None:
    """A profile names a role and a topic again in the moment in which their rules are removed."""
    life.create("a", "g")
    life.watch()
    life.ask("delete_security_profile", {"securityProfileName": "p"})

    def again(**_: object) -> None:
        sweeping.meta.events.unregister("before-call.iot.DeleteTopicRule", again)
        life.ask("create_security_profile", PROFILE)

    sweeping = life.calls.clients("sweep")("iot")
    life.sweep(after=HOUR)
    sweeping.meta.events.register_first("before-call.iot.DeleteTopicRule", again)
    life.sweep(after=2 * HOUR)


def the_api_is_asked_everything(life: Life) -> None:
    life.create("a", "g")
    life.watch()
    life.report("a", 11)
    life.pump()
    named = {"securityProfileName": "p"}
    life.ask("describe_security_profile", named)
    life.ask("list_security_profiles", {})
    life.ask("list_targets_for_security_profile", named)
    life.ask("list_security_profiles_for_target", {"securityProfileTargetArn": GROUP})
    for filters in ({}, {"thingName": "a"}, named, {"thingName": "a", **named}):
        life.ask("list_active_violations", filters)
        life.ask("list_violation_events", {"startTime": life.now / 1000 - 60, "endTime": life.now / 1000, **filters})
    life.lose_rules()
    life.ask("update_security_profile", {**PROFILE, "securityProfileDescription": "changed"})
    life.ask("attach_security_profile", {**named, "securityProfileTargetArn": EVERYTHING})
    life.ask("detach_security_profile", {**named, "securityProfileTargetArn": EVERYTHING})
    life.ask("delete_security_profile", named)
    life.caller = f"arn:aws:iam::{ACCOUNT}:user/alice"
    life.ask("create_security_profile", PROFILE)


def the_registry_changes(life: Life) -> None:
    """With events, and a group's deletion: the things that violate its profiles are asked about."""
    for n in range(3):
        life.create(f"thing-{n}", "g")
    life.watch()
    for n in range(3):
        life.report(f"thing-{n}", 11)
    life.settle()
    life.now += HOUR
    life._iot.remove_thing_from_thing_group(thingGroupName="g", thingName="thing-0")
    life.queue({"topic": "$aws/events/thingGroup/g/deleted"})
    life.queue({"walk": {"group": "g", "since": life.now}})
    life._iot.remove_thing_from_thing_group(thingGroupName="g", thingName="thing-1")
    life.tell("thing-1", "thingGroupMembership/thingGroup/g/thing/thing-1/removed")
    life._iot.delete_thing(thingName="thing-1")
    life.tell("thing-1", "thing/thing-1/deleted")
    life.settle()


def the_registry_changed_unnoticed(life: Life) -> None:
    """Full passes and dynamic ones, with time enough and without."""
    for n in range(3):
        life.create(f"thing-{n}", "g", told=False)
    life.watch()
    life.reconcile("all")
    for n in range(3):
        life.report(f"thing-{n}", 11)
    life.settle()
    life._iot.remove_thing_from_thing_group(thingGroupName="g", thingName="thing-0")
    life._iot.delete_thing(thingName="thing-0")
    life.reconcile("all")
    life.reconcile("all", remaining=1)
    life.reconcile("dynamic")
    life._iot.remove_thing_from_thing_group(thingGroupName="g", thingName="thing-1")
    life.reconcile("dynamic")


def the_stack_is_made_changed_and_removed(life: Life) -> None:
    life.watch(EVERYTHING)  # makes an alert rule, which goes with the stack
    for name, properties in life.deployed.custom_resources().items():
        physical_id = properties.get("RuleName", name)
        life.cloudformation("Create", dict(properties))
        life.cloudformation("Update", dict(properties), physical_id)
        life.cloudformation("Delete", dict(properties), physical_id)


def another_stack_declares_profiles(life: Life) -> None:
    """All that CloudFormation may ask for it, with an alert role whose rule is gone, and may ask again."""
    life.create("a", "g")
    target = {"AlertTargetArn": ALERTS["SNS"]["alertTargetArn"], "RoleArn": ALERTS["SNS"]["roleArn"]}
    stack = life.user_stack
    stack.make("M", METRIC, MetricType="number")
    stack.make("D", DIMENSION, Type="TOPIC_FILTER", StringValues=["a"])
    whole = {"AlertTargets": {"SNS": target}, "Tags": [{"Key": "a", "Value": "b"}], "TargetArns": [GROUP, EVERYTHING]}
    stack.make("P", USERS_PROFILE, **whole)
    export = {"MqttTopic": EXPORT["mqttTopic"], "RoleArn": EXPORT["roleArn"]}
    stack.make("E", USERS_PROFILE, MetricsExportConfig=export)
    life.lose_rules()
    stack.make("Q", USERS_PROFILE, AlertTargets={"SNS": target}, MetricsExportConfig=export)
    stack.make("P", USERS_PROFILE, **whole, SecurityProfileDescription="changed")
    stack.make("P", USERS_PROFILE, SecurityProfileName="other", TargetArns=[GROUP])
    stack.make("P", USERS_PROFILE, SecurityProfileName="other")
    stack.make("M", METRIC, MetricType="number", DisplayName="x")
    stack.make("D", DIMENSION, Type="TOPIC_FILTER", StringValues=["b"])
    stack.clean_up()
    for logical_id in ("P", "Q", "E", "M", "D"):
        assert stack.drop(logical_id)["Status"] == "SUCCESS"


def the_heart_beats(life: Life) -> None:
    name = "thingwarden-test-heartbeat"
    for _ in range(2):
        life._heartbeat({})
        [(topic, payload)] = life._published
        life._published.clear()
        life._evaluate(run(metrics_sql("warden-test"), Message(topic, payload, "", "", life.now)))
        life.pump()
        life.now += 15 * MINUTE
        life.tell(name, f"thingGroupMembership/thingGroup/{name}/thing/{name}/added")
    life._heartbeat(life._queued("heartbeat", json.dumps({"Message": "{}"})))


CHAPTERS: tuple[Callable[[Life], None], ...] = (
    registered_and_not,
    receipts_that_do_not_come,
    ends_before_beginnings,
    events_that_come_again_late,
    what_dispatch_left_behind,
    a_profile_is_deleted,
    rules_that_nobody_needs,
    metrics_are_exported,
    rules_that_somebody_needs_again,
    the_api_is_asked_everything,
    the_registry_changes,
    the_registry_changed_unnoticed,
    the_stack_is_made_changed_and_removed,
    another_stack_declares_profiles,
    the_heart_beats,
)


def live(deployed: Deployed, key: str) -> Calls:
    """All calls of a life."""
    calls = Calls(key)
    for path in SCENARIOS.values():
        with mock_aws():
            scenario = json.loads(path.read_text())
            Life(deployed, calls, **scenario.get("options", {})).play(scenario)
    for chapter in CHAPTERS:
        with mock_aws():
            chapter(Life(deployed, calls))
    return calls
