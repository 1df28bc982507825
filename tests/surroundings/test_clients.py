"""Clients without HTTP."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from botocore.exceptions import ClientError

from tests.surroundings.home import Home


@contextmanager
def no_network() -> Iterator[None]:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was opened")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse)
        patch.setattr(socket, "getaddrinfo", refuse)
        yield


def test_a_client_of_this_process_opens_no_connection(home: Home) -> None:
    with no_network():
        iot = home.surroundings.client("iot")
        iot.create_thing(thingName="a:b")
        assert [each["thingName"] for each in iot.list_things()["things"]] == ["a:b"]
        topic = home.surroundings.client("sns").create_topic(Name="t")["TopicArn"]
        assert home.surroundings.client("sns").publish(TopicArn=topic, Message="m")["MessageId"]
    assert home.changes == [{"a:b"}]


@pytest.mark.parametrize("setting", ["AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS"])
def test_the_users_own_aws_configuration_changes_nothing(
    home: Home, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    monkeypatch.setenv(setting, "http://192.0.2.1/nowhere")
    with no_network():
        assert home.surroundings.client("sts").get_caller_identity()["Account"]


def test_an_error_of_the_service_is_the_clients_error(home: Home) -> None:
    iot = home.surroundings.client("iot")
    with pytest.raises(iot.exceptions.ResourceNotFoundException):
        iot.describe_thing(thingName="nobody")
    with pytest.raises(ClientError, match="NotImplemented"):
        iot.create_dynamic_thing_group(thingGroupName="g", queryString="*")


def test_a_service_that_is_not_here_has_no_client(home: Home) -> None:
    with pytest.raises(KeyError, match="s3"):
        home.surroundings.client("s3")
