"""Devices with certificates at `warden serve`: who gets in, what they may do, and that a change counts at once."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from tests.devices import V3, V5, Client, Identity, allow, document
from tests.home import Home, behavior, eventually, listening, running

CONNECT = allow("iot:Connect")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with running(tmp_path_factory.mktemp("home") / "data") as started:
        yield started


@pytest.fixture
def device() -> Iterator[Callable[..., Any]]:
    """Makes clients, which are closed afterwards."""
    clients: list[Client] = []

    def make(identity: Identity, client_id: str, *how: Any, **will: Any) -> Client:
        clients.append(Client(identity, client_id, *how, **will))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def identity(home: Home, directory: Path, *statements: Any, thing: str = "") -> Identity:
    return Identity(home, directory, document(*statements), thing)


@pytest.mark.parametrize("version", [V3, V5])
def test_a_device_with_a_certificate_reports_and_its_violation_is_known(
    home: Home, tmp_path: Path, device: Any, version: Any
) -> None:
    thing = f"camera-{version}"
    own = f"$aws/things/{thing}/defender/metrics"
    its_own = Identity(
        home,
        tmp_path,
        document(
            allow("iot:Connect", on="client/${iot:Connection.Thing.ThingName}"),
            allow("iot:Publish", on="topic/$aws/things/${iot:ClientId}/defender/metrics/*"),
            allow("iot:Subscribe", on="topicfilter/$aws/things/${iot:ClientId}/defender/metrics/*"),
            allow("iot:Receive", on="topic/$aws/things/${iot:ClientId}/defender/metrics/*"),
        ),
        thing,
    )
    home.profile(f"profile-{version}", behavior(22))
    camera = device(its_own, thing, version)
    assert camera.subscribe(f"{own}/json/accepted", f"{own}/json/rejected") == [1, 1]
    assert camera.publish(f"{own}/json", json.dumps(listening(23))) == 0
    topic, payload = camera.heard()
    assert (topic, json.loads(payload)["status"]) == (f"{own}/json/accepted", "ACCEPTED")
    assert eventually(lambda: home.active(thingName=thing))


def test_a_certificate_without_a_policy_gets_nobody_in(home: Home, tmp_path: Path, device: Any) -> None:
    nobody = Identity(home, tmp_path, policy="")
    assert device(nobody, "pump", V3).connected is None
    refused = device(nobody, "pump", V5)
    assert refused.connected.value == 0x87


def test_who_may_not_connect_evicts_nobody(home: Home, tmp_path: Path, device: Any) -> None:
    rightful = device(identity(home, tmp_path, allow("iot:*")), "valve")
    intruder = device(identity(home, tmp_path, allow("iot:Connect", on="client/other")), "valve")
    assert intruder.connected is None
    assert rightful.publish("still/here") == 0


@pytest.mark.parametrize("version", [V3, V5])
def test_a_denied_publication_is_answered_as_aws_answers_it(
    home: Home, tmp_path: Path, device: Any, version: Any
) -> None:
    its_own = identity(home, tmp_path, CONNECT, allow("iot:Publish", on="topic/allowed/*"))
    client = device(its_own, f"publisher-{version}", version)
    assert client.publish("allowed/a") == 0
    if version == V5:
        assert client.publish("denied/a") == 0x87
        assert client.publish("allowed/b") == 0
    else:
        assert client.publish("denied/a") is None


@pytest.mark.parametrize("version", [V3, V5])
def test_a_denied_subscription_is_answered_as_aws_answers_it(
    home: Home, tmp_path: Path, device: Any, version: Any
) -> None:
    its_own = identity(home, tmp_path, CONNECT, allow("iot:Subscribe", on="topicfilter/allowed/*"))
    client = device(its_own, f"subscriber-{version}", version)
    assert client.subscribe("allowed/+") == [1]
    assert client.subscribe("denied/#") == ([0x87] if version == V5 else None)


def test_what_a_client_may_not_receive_is_withheld_and_it_stays(home: Home, tmp_path: Path, device: Any) -> None:
    allowed = allow("iot:Subscribe", "iot:Publish")
    its_own = identity(home, tmp_path, CONNECT, allowed, allow("iot:Receive", on="topic/room/*"))
    listener = device(its_own, "listener")
    assert listener.subscribe("+/secret", "room/#") == [1, 1]
    assert listener.publish("vault/secret") == 0
    assert listener.hears_nothing_before("room/marker")


def test_to_retain_a_message_takes_a_right_of_its_own(home: Home, tmp_path: Path, device: Any) -> None:
    its_own = identity(home, tmp_path, CONNECT, allow("iot:Publish", on="topic/s/*"))
    client = device(its_own, "retainer", V5)
    assert client.publish("s/1") == 0
    assert client.publish("s/1", retain=True) == 0x87


def test_a_will_that_the_client_may_not_publish_keeps_it_out(home: Home, tmp_path: Path, device: Any) -> None:
    its_own = identity(home, tmp_path, CONNECT, allow("iot:Publish", on="topic/wills/*"))
    assert device(its_own, "willing", V5, topic="wills/a", payload=b"gone").connected.value == 0
    assert device(its_own, "willing-2", V5, topic="elsewhere", payload=b"gone").connected.value == 0x87


@pytest.mark.parametrize("status", ["INACTIVE", "REVOKED"])
def test_a_certificate_that_is_deactivated_ends_its_connections_and_lets_nobody_in(
    home: Home, tmp_path: Path, device: Any, status: str
) -> None:
    its_own = identity(home, tmp_path, allow("iot:*"))
    client = device(its_own, f"doomed-{status}")
    its_own.iot.update_certificate(certificateId=its_own.id, newStatus=status)
    assert client.has_ended()
    before = turned_away(home)
    assert device(its_own, f"doomed-{status}").connected is None
    assert turned_away(home) > before
    if status == "INACTIVE":
        its_own.iot.update_certificate(certificateId=its_own.id, newStatus="ACTIVE")
        assert device(its_own, "doomed").connected.value == 0


def turned_away(home: Home) -> float:
    """How many certificates that are not active came, as /metrics says."""
    with urlopen(f"{home.url}/metrics") as answer:  # noqa: S310 (of this home)
        lines = answer.read().decode().splitlines()
    sample = 'thingwarden_tls_refused_total{reason="certificate_inactive"}'
    return float(next(line.rpartition(" ")[2] for line in lines if line.startswith(sample)))


def test_a_policy_that_changes_counts_when_the_call_has_returned(home: Home, tmp_path: Path, device: Any) -> None:
    its_own = identity(home, tmp_path, CONNECT)
    client = device(its_own, "changing", V5)
    assert client.publish("a") == 0x87
    its_own.now_may(document(CONNECT, allow("iot:Publish")))
    assert client.publish("a") == 0
    its_own.iot.detach_policy(policyName=its_own.policy, target=its_own.arn)
    assert client.has_ended(), "it may not even connect any more"


def test_a_things_attribute_decides_where_a_policy_says_so(home: Home, tmp_path: Path, device: Any) -> None:
    its_own = identity(
        home,
        tmp_path,
        CONNECT,
        allow("iot:Publish", on="topic/halls/${iot:Connection.Thing.Attributes[hall]}/*"),
        thing="forklift",
    )
    its_own.iot.update_thing(thingName="forklift", attributePayload={"attributes": {"hall": "3"}})
    client = device(its_own, "forklift", V5)
    assert (client.publish("halls/3/at"), client.publish("halls/4/at")) == (0, 0x87)
    its_own.iot.update_thing(thingName="forklift", attributePayload={"attributes": {"hall": "4"}})
    assert (client.publish("halls/3/at"), client.publish("halls/4/at")) == (0x87, 0)


def test_a_groups_policy_is_its_things_also_of_a_group_above(home: Home, tmp_path: Path, device: Any) -> None:
    its_own = identity(home, tmp_path, CONNECT, thing="welder")
    iot = its_own.iot
    iot.create_thing_group(thingGroupName="above")
    iot.create_thing_group(thingGroupName="below", parentGroupName="above")
    iot.create_policy(policyName="of-the-group", policyDocument=document(allow("iot:Publish")))
    client = device(its_own, "welder", V5)
    iot.attach_policy(
        policyName="of-the-group", target=iot.describe_thing_group(thingGroupName="above")["thingGroupArn"]
    )
    assert client.publish("a") == 0x87
    iot.add_thing_to_thing_group(thingGroupName="below", thingName="welder")
    assert client.publish("a") == 0
    iot.delete_thing_group(thingGroupName="below")
    assert client.publish("a") == 0x87


def test_a_denial_wins_and_a_client_id_that_is_no_thing_has_no_thing(home: Home, tmp_path: Path, device: Any) -> None:
    statements = (
        allow("iot:Connect", on="client/*", Condition={"Bool": {"iot:Connection.Thing.IsAttached": "true"}}),
        allow("iot:Publish"),
        allow("iot:Publish", on="topic/fw/*", effect="Deny"),
    )
    its_own = identity(home, tmp_path, *statements, thing="sensor")
    client = device(its_own, "sensor", V5)
    assert (client.publish("a"), client.publish("fw/1")) == (0, 0x87)
    assert device(its_own, "x9", V5).connected.value == 0x87


def test_presence_is_told_as_aws_tells_it(home: Home, tmp_path: Path, device: Any) -> None:
    watcher = device(identity(home, tmp_path, allow("iot:*")), "watcher")
    assert watcher.subscribe("$aws/events/presence/+/gate", "$aws/events/subscriptions/+/gate") == [1, 1]
    its_own = identity(home, tmp_path, allow("iot:*"))
    gate = device(its_own, "gate")
    topic, payload = watcher.heard()
    told = json.loads(payload)
    assert topic == "$aws/events/presence/connected/gate"
    assert (told["clientId"], told["principalIdentifier"], told["ipAddress"]) == ("gate", its_own.id, "127.0.0.1")
    gate.subscribe("a")
    topic, payload = watcher.heard()
    assert (topic, json.loads(payload)["topics"]) == ("$aws/events/subscriptions/subscribed/gate", ["a"])
    gate.close()
    topic, payload = watcher.heard()
    told = json.loads(payload)
    assert topic == "$aws/events/presence/disconnected/gate"
    assert (told["disconnectReason"], told["clientInitiatedDisconnect"]) == ("CLIENT_INITIATED_DISCONNECT", True)


def test_who_may_do_what_survives_a_restart_of_either_plane(tmp_path: Path) -> None:
    with running(tmp_path / "data") as home:
        its_own = identity(home, tmp_path, CONNECT, allow("iot:Publish", on="topic/a"))
        home.stop()
        home.start()
        client = Client(its_own, "survivor", V5)
        assert (client.publish("a"), client.publish("b")) == (0, 0x87)
        client.close()
