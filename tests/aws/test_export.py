"""Handler `export`: what profiles export leaves through rules under their roles, and what does not is known."""

import json
from base64 import b64encode
from typing import Any

import msgspec
import pytest
from botocore.exceptions import ConnectTimeoutError

from tests.aws.alert_account import Account, make_role, trusting, with_queues
from tests.aws.conftest import ACCOUNT, HOUR, MINUTE, REGION, Clock, Lines
from tests.aws.streams import TableStream
from tests.contract.iot import call
from tests.core.profiles import CONNECTIONS, few_connections
from warden.domain.behaviors.profile import MetricsExportConfig, SecurityProfile
from warden.domain.errors import Unavailable
from warden.handlers.alert_path import clean_delivery_rules
from warden.handlers.api import Api
from warden.handlers.export import Export
from warden.handlers.parts import Clients, Parts
from warden.rules import EXPORT_FILTER
from warden.settings import Settings
from warden.use_cases.delete_security_profile import delete_security_profile

PATH = f"arn:aws:iam::{ACCOUNT}:role/thingwarden/test/"
FLEET, ARCHIVE = "exports/fleet", "$aws/rules/Archive"


def exporting(name: str, topic: str = FLEET, role: str = "exports") -> SecurityProfile:
    """One that exports the number of connections."""
    behavior = msgspec.structs.replace(few_connections(), export_metric=True)
    config = MetricsExportConfig(mqtt_topic=topic, role_arn=PATH + role)
    return SecurityProfile(security_profile_name=name, behaviors=(behavior,), metrics_export_config=config)


class Exports:
    """An account whose metrics leave, and whoever listens on the topics."""

    def __init__(self, account: Account, clients: Clients) -> None:
        self.account = account
        for topic, role in ((FLEET, "exports"), (ARCHIVE, "archive")):
            resource = f"arn:aws:iot:{REGION}:{ACCOUNT}:topic/{topic}"
            make_role(clients, PATH + role, trust=trusting(), action="iot:Publish", resource=resource)
        self._stream = TableStream(clients, account.parts.settings.log_table, EXPORT_FILTER)
        self.export = Export(account.parts)

    def watch(self, thing: str, **says: str) -> None:
        self.account.fleet.watch(thing, as_=exporting(thing, **says))

    def batch(self) -> dict[str, Any]:
        """What the stream has for export."""
        return self._stream.read()

    def leave(self) -> None:
        """A batch is exported, and the rules run."""
        self.export(self.batch())
        self.account.engine.run()

    def heard(self) -> list[tuple[str, str, Any]]:
        """Topic, thing and value of all that was published to topics since the last time."""
        said = [
            (topic, item["thing"], item["value"]["count"])
            for topic, message in self.account.engine.republished
            for item in message["metrics"]
        ]
        self.account.engine.republished.clear()
        return said


@pytest.fixture
def exports(aws: Clients, settings: Settings, clock: Clock) -> Exports:
    parts = Parts(with_queues(settings), region=REGION, clients=aws, clock=clock)
    return Exports(Account(parts, aws, clock), aws)


def test_metrics_leave_under_their_profiles_roles_many_in_one_message(exports: Exports) -> None:
    fleet = exports.account.fleet
    fleet.watch("pumps", "pump-1", "pump-2", as_=exporting("pumps"))
    exports.watch("press", topic=ARCHIVE, role="archive")
    for connections, thing in enumerate(("pump-1", "pump-2", "press", "pump-1")):
        fleet.report(thing, connections)
    exports.leave()
    assert len(exports.account.engine.republished) == 2
    assert sorted(exports.heard()) == [
        (ARCHIVE, "press", 2),
        (FLEET, "pump-1", 0),
        (FLEET, "pump-1", 3),
        (FLEET, "pump-2", 1),
    ]


def test_what_the_subscriber_gets_is_what_the_schema_says(exports: Exports) -> None:
    exports.watch("pump")
    exports.account.fleet.report("pump", 41)
    at = exports.account.clock()
    exports.leave()
    item = {"name": CONNECTIONS, "thing": "pump", "value": {"count": 41}, "version": 1, "timestamp": at}
    assert exports.account.engine.republished == [(FLEET, {"version": "1.0", "metrics": [item]})]


def test_a_metric_that_is_created_anew_leaves_no_datapoint_of_the_old_one(exports: Exports) -> None:
    """Perhaps it is of another type, and a message with both would mean nothing."""
    parts, fleet = exports.account.parts, exports.account.fleet
    router = Api(parts, lambda _: None).router
    kept: dict[str, Any] = {
        "securityProfileName": "tank",
        "additionalMetricsToRetainV2": [{"metric": "level", "exportMetric": True}],
    }
    exports.watch("tank")
    for metric_type, level in (("number-list", {"number_list": [1.5]}), ("string-list", {"string_list": ["low"]})):
        exports.account.clock.now += MINUTE
        call(router, "create_custom_metric", metricName="level", metricType=metric_type, clientRequestToken=metric_type)
        call(router, "update_security_profile", **kept)
        fleet.reload()
        fleet.report("tank", 1, level=level)
        if metric_type == "number-list":
            call(router, "update_security_profile", securityProfileName="tank", deleteAdditionalMetricsToRetain=True)
            call(router, "delete_custom_metric", metricName="level")
    exports.leave()
    ((_, message),) = exports.account.engine.republished
    assert [item["value"] for item in message["metrics"]] == [{"count": 1}, {"count": 1}, {"strings": ["low"]}]


def test_what_waits_goes_where_its_profile_says_now_and_nowhere_where_that_exports_no_more(exports: Exports) -> None:
    router = Api(exports.account.parts, lambda _: None).router
    exports.watch("pump")
    exports.watch("press")
    exports.account.fleet.report("pump", 1)
    exports.leave()
    assert exports.heard() == [(FLEET, "pump", 1)]
    exports.account.fleet.report("pump", 2)
    exports.account.fleet.report("press", 2)
    moved = {"mqttTopic": ARCHIVE, "roleArn": PATH + "archive"}
    call(router, "update_security_profile", securityProfileName="pump", metricsExportConfig=moved)
    call(router, "update_security_profile", securityProfileName="press", deleteMetricsExportConfig=True)
    exports.account.clock.now += MINUTE
    exports.leave()
    assert exports.heard() == [(ARCHIVE, "pump", 2)]


def test_a_container_never_goes_by_profiles_older_than_an_entry(exports: Exports) -> None:
    exports.watch("pump")
    exports.account.fleet.report("pump", 1)
    exports.leave()
    exports.watch("press")
    exports.account.fleet.report("press", 2, after=1)
    exports.leave()
    assert exports.heard() == [(FLEET, "pump", 1), (FLEET, "press", 2)]


def test_nothing_of_a_thing_without_exports_is_read_twice(exports: Exports) -> None:
    """The filter lets nothing of it through, so no invocation is paid for."""
    exports.account.fleet.watch("pump")
    exports.account.violate("pump")
    assert exports.batch() == {"Records": []}


def test_a_batch_that_comes_again_is_known_to_its_container_and_said_again_by_another(exports: Exports) -> None:
    exports.watch("pump")
    exports.account.fleet.report("pump", 3)
    batch = exports.batch()
    for export in (exports.export, exports.export, Export(exports.account.parts)):
        export(batch)
    exports.account.engine.run()
    first, second = exports.account.engine.republished
    assert first == second


def test_a_publication_that_fails_brings_the_batch_again_and_keeps_no_other_topic_waiting(
    exports: Exports, aws: Clients
) -> None:
    exports.watch("pump")
    exports.watch("press", topic=ARCHIVE, role="archive")
    exports.account.fleet.report("pump", 1)
    exports.account.fleet.report("press", 2)
    batch, events = exports.batch(), aws("iot-data").meta.events

    def fail(**_: object) -> None:
        events.unregister("before-send.iot-data.Publish", fail)
        raise ConnectTimeoutError(endpoint_url="https://iot")

    events.register_first("before-send.iot-data.Publish", fail)
    with pytest.raises(Unavailable):
        exports.export(batch)
    exports.account.engine.run()
    assert exports.heard() == [(ARCHIVE, "press", 2)]
    exports.export(batch)
    exports.account.engine.run()
    assert exports.heard() == [(FLEET, "pump", 1)], "the other one has got its own"


def test_a_role_that_may_not_publish_is_counted_and_named(
    exports: Exports, metrics: Lines, caplog: pytest.LogCaptureFixture
) -> None:
    exports.watch("pump", role="archive")
    exports.account.fleet.report("pump", 1)
    exports.leave()
    assert exports.heard() == []
    metrics()
    exports.account.feed()
    (line,) = metrics()
    assert line["ExportFailed"] == [1.0]
    (record,) = [each for each in caplog.records if each.name.endswith("record_receipt")]
    assert "not authorized to perform iot:Publish" in record.getMessage()
    (rule,) = exports.account.rules()
    for secret in (rule["ruleName"], rule["sql"].split("'")[1]):
        assert secret not in record.getMessage()


def test_a_role_that_aws_iot_will_never_take_is_given_up_counted_and_named(
    exports: Exports, aws: Clients, metrics: Lines, caplog: pytest.LogCaptureFixture
) -> None:
    exports.watch("pump", role="archive")
    exports.watch("press")
    exports.account.fleet.report("pump", 1)
    exports.account.fleet.report("press", 2)

    def refuse(params: Any, **_: object) -> Any:
        return (_Refusal(), REFUSED) if PATH + "archive" in str(params) else None

    events = aws("iot").meta.events
    events.register("before-call.iot.CreateTopicRule", refuse)
    metrics()
    try:
        exports.leave()
    finally:
        events.unregister("before-call.iot.CreateTopicRule", refuse)
    assert exports.heard() == [(FLEET, "press", 2)]
    (line,) = metrics()
    assert line["ExportFailed"] == [1.0]
    assert f"1 datapoints cannot be exported to {FLEET}" in caplog.text


class _Refusal:
    status_code = 400


REFUSED = {"Error": {"Code": "InvalidRequestException", "Message": "unable to assume"}, "ResponseMetadata": {}}


@pytest.mark.parametrize("later", [True, False], ids=["the same container, an hour later", "the next container"])
def test_a_rule_that_somebody_deleted_is_made_again(exports: Exports, aws: Clients, clock: Clock, later: bool) -> None:
    exports.watch("pump")
    exports.account.fleet.report("pump", 1)
    exports.leave()
    for rule in exports.account.rules():
        aws("iot").delete_topic_rule(ruleName=rule["ruleName"])
    if later:
        clock.now += HOUR
    else:
        exports.export = Export(exports.account.parts)
    exports.account.fleet.report("pump", 2)
    exports.leave()
    assert exports.heard() == [(FLEET, "pump", 1), (FLEET, "pump", 2)]


def test_an_entry_that_a_newer_release_wrote_is_counted_and_in_nobodys_way(exports: Exports, metrics: Lines) -> None:
    exports.watch("pump")
    for connections in (1, 2):
        exports.account.fleet.report("pump", connections)
    batch = exports.batch()
    log = exports.account.parts.thing_log
    newer = msgspec.structs.replace(next(iter(log.recent("pump", 1))).entry, schema=99)
    batch["Records"][0]["dynamodb"]["NewImage"]["data"]["B"] = b64encode(msgspec.msgpack.encode(newer)).decode()
    metrics()
    exports.export(batch)
    (line,) = metrics()
    assert line["ExportFailed"] == [1.0]
    exports.account.engine.run()
    assert exports.heard() == [(FLEET, "pump", 2)]


def test_a_rule_that_no_profile_names_any_more_is_removed_after_an_hour(exports: Exports) -> None:
    exports.watch("pump")
    exports.watch("press", topic=ARCHIVE, role="archive")
    exports.account.fleet.report("pump", 1)
    exports.account.fleet.report("press", 1)
    exports.leave()
    parts, clean = exports.account.parts, clean_delivery_rules(exports.account.parts)
    delete_security_profile(parts.catalogue, parts.jobs, "pump", expected_version=None, now=parts.clock())
    clean(now=parts.clock())
    clean(now=parts.clock() + HOUR - 1)
    assert len(exports.account.rules()) == 2
    clean(now=parts.clock() + HOUR + MINUTE)
    (rule,) = exports.account.rules()
    assert [action["republish"]["topic"] for action in rule["actions"]] == ["$$aws/rules/Archive"]


def test_a_device_that_learns_the_rules_name_exports_nothing(exports: Exports) -> None:
    exports.watch("pump")
    exports.account.fleet.report("pump", 1)
    exports.leave()
    (rule,) = exports.account.rules()
    exports.account.engine.republished.clear()
    for topic in ("", "/", "/guess", "/guess/1"):
        exports.account.engine.publish(f"$aws/rules/{rule['ruleName']}{topic or '/x'}", json.dumps({"a": 1}).encode())
    assert exports.heard() == []
