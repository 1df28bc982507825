"""The whole way of an alert: published into its role's rule, to SNS under the user's role, and the receipt back."""

import json
import re
from typing import Any

import pytest

from tests.aws.alert_account import ALERT_ROLE, RULE_ROLE, TOPIC, Account, make_role, profile, trusting, with_queues
from tests.aws.alert_engine import Refused, drain, may, sqs_event
from tests.aws.conftest import ACCOUNT, DAY, MINUTE, REGION, Clock, Lines
from warden.adapters.delivery_rules import remove_all
from warden.domain.alarms.alarm import EventType
from warden.domain.alarms.violation import alert_message
from warden.domain.alerts.letter import read_letter
from warden.domain.alerts.rule import DeliveryRule
from warden.domain.errors import Raced
from warden.handlers.alert_path import clean_delivery_rules, home, prepare_delivery_rule, topic_rules
from warden.handlers.parts import Clients, Parts
from warden.settings import Settings
from warden.storage.delivery_rules import DeliveryRules
from warden.use_cases.clean_delivery_rules import UNUSED_MS
from warden.use_cases.delete_security_profile import delete_security_profile

IN_ALARM, CLEARED = EventType.IN_ALARM, EventType.CLEARED
OTHER_ROLE = f"arn:aws:iam::{ACCOUNT}:role/thingwarden/test/other"


@pytest.fixture
def parts(aws: Clients, settings: Settings, clock: Clock) -> Parts:
    return Parts(with_queues(settings), region=REGION, clients=aws, clock=clock)


@pytest.fixture
def account(parts: Parts, aws: Clients, clock: Clock) -> Account:
    account = Account(parts, aws, clock)
    account.fleet.watch("pump", as_=profile("pump"))
    return account


def test_a_subscriber_gets_the_message_of_aws_and_the_receipt_ends_it(account: Account) -> None:
    account.violate("pump")
    (stored,) = account.parts.violations.waiting()
    account.go()
    assert account.heard() == [json.loads(alert_message(stored.record))]
    assert account.waiting == 0
    account.sweep(DAY)
    account.go()
    assert account.heard() == []


def test_the_beginning_and_the_end_arrive(account: Account) -> None:
    account.violate("pump")
    account.go()
    account.conform("pump")
    account.go()
    assert account.types() == [IN_ALARM, CLEARED]


def test_two_profiles_of_one_role_have_one_rule_and_each_its_topic(account: Account) -> None:
    second = f"{TOPIC}-2"
    account.clients("sns").create_topic(Name=second.rsplit(":", 1)[-1])
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sns:Publish", "Resource": second}]}
    account.clients("iam").put_role_policy(
        RoleName="thingwarden-test-alerts", PolicyName="second", PolicyDocument=json.dumps(policy)
    )
    account.fleet.watch("press", as_=profile("press", topic=second))
    account.violate("pump")
    account.violate("press")
    account.go()
    assert len(account.rules()) == 1
    assert len(account.heard()) == 1
    assert account.waiting == 0
    assert [topic.split("/")[6:] for topic in account.engine.topics] == [
        ["thingwarden-test-alerts"],
        ["thingwarden-test-alerts-2"],
    ]


# The rule


def test_a_rule_is_what_the_design_says(account: Account) -> None:
    account.violate("pump")
    (rule,) = account.rules()
    assert re.fullmatch(r"thingwarden_test_alert_[a-z0-9]{26}", rule["ruleName"])
    secret = re.fullmatch(r"SELECT \* WHERE topic\(1\) = '([a-z0-9]{26})'", rule["sql"])
    assert secret
    assert secret[1] not in rule["ruleName"]
    receipts = {"roleArn": RULE_ROLE, "queueUrl": account.parts.settings.receipts_queue_url, "useBase64": False}
    assert rule["actions"] == [
        {
            "sns": {
                "targetArn": f"arn:aws:sns:{REGION}:${{topic(3)}}:${{topic(4)}}",
                "roleArn": ALERT_ROLE,
                "messageFormat": "JSON",
            }
        },
        {"sqs": receipts},
    ]
    assert rule["errorAction"] == {"sqs": receipts}
    assert (rule["awsIotSqlVersion"], rule["ruleDisabled"]) == ("2016-03-23", False)


def test_the_rule_may_publish_to_its_roles_topic_and_nowhere_else(account: Account) -> None:
    account.violate("pump")
    (rule,) = account.rules()
    name = rule["ruleName"]
    may(account.clients, ALERT_ROLE, name, "sns:Publish", TOPIC)
    for role, action, resource in [
        (ALERT_ROLE, "sns:Publish", f"{TOPIC}-2"),
        (ALERT_ROLE, "sqs:SendMessage", TOPIC),
        (RULE_ROLE, "sns:Publish", TOPIC),
        (RULE_ROLE, "sqs:SendMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:thingwarden-test-inbox"),
    ]:
        with pytest.raises(Refused):
            may(account.clients, role, name, action, resource)


def test_who_does_not_know_the_secret_sends_nothing(account: Account) -> None:
    account.violate("pump")
    (rule,) = account.rules()
    ((topic, payload),) = account.engine.publications()
    level = topic.split("/")
    for forged in (
        f"$aws/rules/{rule['ruleName']}/guess/1/{ACCOUNT}/thingwarden-test-alerts",
        f"$aws/rules/{rule['ruleName']}/1/{ACCOUNT}/thingwarden-test-alerts",
        f"$aws/rules/thingwarden_test_alert_guess/{level[3]}/1/{ACCOUNT}/thingwarden-test-alerts",
    ):
        account.engine.publish(forged, payload)
    assert account.feed() == 0
    assert account.heard() == []
    assert account.waiting == 1


def test_a_rule_that_is_deleted_behind_our_back_is_made_again(account: Account) -> None:
    account.violate("pump")
    account.go()
    (rule,) = account.rules()
    account.clients("iot").delete_topic_rule(ruleName=rule["ruleName"])
    account.conform("pump")
    account.go()
    assert account.waiting == 1
    account.sweep()
    account.go()
    assert account.types() == [IN_ALARM, CLEARED]
    assert [each["ruleName"] for each in account.rules()] == [rule["ruleName"]]


@pytest.mark.parametrize("change", ["disabled", "another statement", "another queue"])
def test_a_rule_that_is_disabled_or_changed_behind_our_back_is_made_again(account: Account, change: str) -> None:
    account.violate("pump")
    account.engine.lose()
    (rule,) = account.rules()
    iot = account.clients("iot")
    if change == "disabled":
        iot.disable_topic_rule(ruleName=rule["ruleName"])
    else:
        changed = {name: rule[name] for name in ("sql", "actions", "errorAction", "awsIotSqlVersion")}
        changed |= {"sql": "SELECT * FROM 'x'"} if change == "another statement" else {"actions": rule["actions"][:1]}
        iot.replace_topic_rule(ruleName=rule["ruleName"], topicRulePayload=changed)
    account.sweep()
    account.go()
    assert account.types() == [IN_ALARM]
    assert account.waiting == 0
    (mended,) = account.rules()
    assert {name: mended[name] for name in ("sql", "actions", "ruleDisabled")} == {
        name: rule[name] for name in ("sql", "actions", "ruleDisabled")
    }


def test_a_publication_that_is_swallowed_is_made_again(account: Account) -> None:
    account.violate("pump")
    account.engine.lose()
    account.sweep()
    account.go()
    assert account.types() == [IN_ALARM]
    assert account.waiting == 0


# What comes back


def test_where_sns_refuses_the_alert_is_published_again_until_it_does_not(account: Account) -> None:
    account.engine.refusing.add("sns")
    account.violate("pump")
    account.go()  # the receipt and the error, in one batch
    assert account.waiting == 1
    account.sweep()
    account.go()
    account.engine.refusing.clear()
    account.sweep()
    account.go()
    assert account.types() == [IN_ALARM]
    assert account.waiting == 0


@pytest.mark.parametrize("first", ["receipt", "error"])
def test_an_error_counts_on_whichever_side_of_the_receipt_it_comes(account: Account, first: str) -> None:
    """C11."""
    account.engine.refusing.add("sns")
    account.violate("pump")
    account.engine.run()
    bodies = drain(account.clients, account.parts.settings.receipts_queue_url)
    assert len(bodies) == 2
    for body in sorted(bodies, key=lambda body: ("failures" in body) is (first == "receipt")):
        assert account.receipts(sqs_event(body)) == {"batchItemFailures": []}
    assert account.waiting == 1
    account.engine.refusing.clear()
    account.sweep()
    account.go()
    assert account.types() == [IN_ALARM]


def test_a_role_whose_trust_is_withdrawn_fails_and_says_why_in_the_dead_letter(account: Account) -> None:
    account.clients("iam").update_assume_role_policy(
        RoleName="thingwarden-test-alerts", PolicyDocument=json.dumps(trusting("arn:aws:iot:*:*:securityprofile/*"))
    )
    account.violate("pump")
    for _ in range(3):
        account.go()
        account.sweep()
    account.go()
    account.sweep(DAY)
    (letter,) = drain(account.clients, account.parts.settings.dead_alerts_queue_url)
    read = read_letter(letter)
    assert (read.thing_name, read.attempts, read.role_arn) == ("pump", 4, ALERT_ROLE)
    assert f"unable to assume {ALERT_ROLE}" in read.error
    assert account.heard() == []


def test_no_name_and_no_secret_is_in_what_is_kept_and_logged_of_an_error(
    account: Account, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    account.engine.refusing.add("sns")
    account.violate("pump")
    account.go()
    (rule,) = account.rules()
    secret = account.engine.topics[0].split("/")[3]
    (stored,) = account.parts.violations.waiting()
    item = account.parts.control_table.get(stored.key)
    assert item
    account.sweep(DAY)
    (letter,) = drain(account.clients, account.parts.settings.dead_alerts_queue_url)
    assert "its alert did not leave in a day" in caplog.text
    for said in (repr(item.data), letter, caplog.text, *capsys.readouterr()):
        assert rule["ruleName"] not in said
        assert secret not in said
    error = read_letter(letter).error
    assert error == (
        f"SnsAction {TOPIC}: Service Unavailable. Message arrived on: (hidden)/1/{ACCOUNT}/thingwarden-test-alerts,"
        " Action: sns"
    )


def test_no_name_and_no_secret_is_in_a_log_or_an_error(
    account: Account, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    account.violate("pump")
    account.engine.refusing.add("sns")
    account.go()
    (rule,) = account.rules()
    secret = account.engine.topics[0].split("/")[3]

    def deny(model: Any, **_: object) -> tuple[Any, dict[str, Any]]:
        said = f"User is not authorized to perform iot:{model.name} on topic/$aws/rules/{rule['ruleName']}/{secret}/1"
        error = {"Code": "AccessDeniedException", "Message": said}
        return type("Http", (), {"status_code": 403})(), {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 403}}

    for service in ("iot", "iot-data"):
        account.clients(service).meta.events.register("before-call", deny)
        try:
            account.sweep()
        finally:
            account.clients(service).meta.events.unregister("before-call", deny)
    said = caplog.text + "".join(capsys.readouterr())
    assert said.count("its alert was not published: this deployment lacks a permission") == 2
    assert rule["ruleName"] not in said
    assert secret not in said


def test_what_was_done_is_counted(account: Account, metrics: Lines) -> None:
    account.violate("pump")
    account.clock.now += 2 * MINUTE
    account.engine.lose()
    account.sweep()
    account.go()
    lines = metrics()
    assert all(line["stage"] == "test" for line in lines)
    names = ("AlertPublished", "AlertSeconds", "ReceiptOverdue", "AlertReceipt")
    found = {name: [line[name] for line in lines if name in line] for name in names}
    assert {name: len(values) for name, values in found.items()} == {
        "AlertPublished": 2,
        "AlertSeconds": 1,
        "ReceiptOverdue": 1,
        "AlertReceipt": 1,
    }


# One rule a role, for as long as it is needed


def test_two_that_prepare_one_role_at_once_end_with_one_rule(account: Account, parts: Parts) -> None:
    records, now = DeliveryRules(parts.control_table), parts.clock()
    first = prepare_delivery_rule(parts)(ALERT_ROLE, look=True, now=now)

    class Late(DeliveryRules):
        """Looked before the other one had written."""

        looks = 0

        def of(self, role_arn: str, mqtt_topic: str = "") -> Any:
            self.looks += 1
            return None if self.looks == 1 else super().of(role_arn, mqtt_topic)

    late = prepare_delivery_rule(parts)
    late._records = Late(parts.control_table)
    assert late(ALERT_ROLE, look=True, now=now) == first
    assert [rule["ruleName"] for rule in account.rules()] == [first.name]
    assert [stored.record for stored in records.all()] == [first]


def test_a_rule_that_is_on_record_and_was_never_made_is_made_when_somebody_looks(
    account: Account, parts: Parts
) -> None:
    rule = DeliveryRule(role_arn=ALERT_ROLE, name="thingwarden_test_alert_x", secret="s", created_at=1)
    DeliveryRules(parts.control_table).add(rule)
    prepare_delivery_rule(parts)(ALERT_ROLE, look=False, now=parts.clock())
    assert account.rules() == []
    prepare_delivery_rule(parts)(ALERT_ROLE, look=True, now=parts.clock())
    assert [each["ruleName"] for each in account.rules()] == [rule.name]


def test_a_rule_goes_when_no_profile_names_its_role(account: Account, parts: Parts) -> None:
    clean = clean_delivery_rules(parts)
    account.violate("pump")
    account.go()
    clean(now=account.clock())
    assert clean(now=account.clock() + DAY) == 0
    delete_security_profile(parts.catalogue, parts.jobs, "pump", expected_version=None, now=account.clock())
    assert clean(now=account.clock()) == 0
    assert clean(now=account.clock() + UNUSED_MS - 1) == 0
    assert len(account.rules()) == 1
    assert clean(now=account.clock() + UNUSED_MS) == 1
    assert account.rules() == []
    assert DeliveryRules(parts.control_table).all() == []


def test_a_rule_stays_while_an_event_waits_for_it(account: Account, parts: Parts) -> None:
    make_role(account.clients, OTHER_ROLE, trust=trusting(), action="sns:Publish", resource=TOPIC)
    account.fleet.watch("press", as_=profile("press", role=OTHER_ROLE))
    account.violate("press")
    account.engine.lose()
    delete_security_profile(parts.catalogue, parts.jobs, "press", expected_version=None, now=account.clock())
    clean = clean_delivery_rules(parts)
    for hours in range(5):
        assert clean(now=account.clock() + hours * UNUSED_MS) == 0
    account.sweep()  # the fence takes the event
    clean(now=account.clock())
    assert clean(now=account.clock() + UNUSED_MS) == 1


def test_a_rule_that_is_needed_again_stays(account: Account, parts: Parts) -> None:
    clean, prepare, now = clean_delivery_rules(parts), prepare_delivery_rule(parts), account.clock()
    rule = prepare(OTHER_ROLE, look=True, now=now)
    clean(now=now)
    assert prepare(OTHER_ROLE, look=True, now=now) == rule
    assert clean(now=now + UNUSED_MS) == 0
    assert [each["ruleName"] for each in account.rules()] == [rule.name]


def test_a_rule_that_somebody_needs_while_it_is_removed_is_there_afterwards(account: Account, parts: Parts) -> None:
    clean, prepare, now = clean_delivery_rules(parts), prepare_delivery_rule(parts), account.clock()
    rule = prepare(OTHER_ROLE, look=True, now=now)
    clean(now=now)

    class Meanwhile(DeliveryRules):
        """Somebody needs the rule just before it is forgotten."""

        def drop(self, stored: Any) -> None:
            prepare(OTHER_ROLE, look=False, now=now)
            super().drop(stored)

    clean._records = Meanwhile(parts.control_table)
    assert clean(now=now + UNUSED_MS) == 0
    assert [each["ruleName"] for each in account.rules()] == [rule.name]
    with pytest.raises(Raced):
        DeliveryRules(parts.control_table).add(rule)


def test_the_rules_of_a_stack_go_with_it_and_no_others(account: Account, parts: Parts) -> None:
    prepare_delivery_rule(parts)(ALERT_ROLE, look=True, now=1)
    prepare_delivery_rule(parts)(OTHER_ROLE, look=True, now=1)
    iot, stack = account.clients("iot"), parts.settings.stack_id
    payload = {"sql": "SELECT 1", "actions": []}
    others = ["thingwarden_test_metrics", "thingwarden_test2_alert_a", "thingwarden_test_alert_of_another_stack"]
    for name in others:
        iot.create_topic_rule(ruleName=name, topicRulePayload=payload)

    def tags(params: dict[str, Any], **_: object) -> tuple[Any, dict[str, Any]]:  # moto has no ListTagsForResource
        name = (
            params["url_path"] if "resourceArn" not in params["query_string"] else params["query_string"]["resourceArn"]
        )
        theirs = "another" if name.endswith("_of_another_stack") else stack
        return type("Http", (), {"status_code": 200})(), {"tags": [{"Key": "thingwarden:stack", "Value": theirs}]}

    iot.meta.events.register("before-call.iot.ListTagsForResource", tags)
    try:
        assert remove_all(iot, home(parts), stage="test", stack_id=stack) == 2
    finally:
        iot.meta.events.unregister("before-call.iot.ListTagsForResource", tags)
    assert sorted(rule["ruleName"] for rule in iot.list_topic_rules()["rules"]) == sorted(others)


def test_a_rule_carries_the_stack_as_a_tag(account: Account, parts: Parts) -> None:
    given: list[str] = []
    iot = account.clients("iot")

    def seen(params: dict[str, Any], **_: object) -> None:
        given.append(params["headers"]["x-amz-tagging"])

    iot.meta.events.register("before-call.iot.CreateTopicRule", seen)
    try:
        topic_rules(parts).create(DeliveryRule(role_arn=ALERT_ROLE, name="r", secret="s", created_at=1))
    finally:
        iot.meta.events.unregister("before-call.iot.CreateTopicRule", seen)
    assert given == [
        f"thingwarden%3Astack=arn%3Aaws%3Acloudformation%3A{REGION}%3A{ACCOUNT}%3Astack%2Fthingwarden-test%2F1"
    ]
