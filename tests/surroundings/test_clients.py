"""Clients without HTTP."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.surroundings.home import Home


@contextmanager
def no_network() -> Iterator[None]:
    """This thread opens no connection. Others may: an MQTT client of another test reconnects when it likes."""
    here = threading.get_ident()

    def refusing(real: Callable[..., Any]) -> Callable[..., Any]:
        def connect(*args: Any, **options: Any) -> Any:
            assert threading.get_ident() != here, "a connection was opened"
            return real(*args, **options)

        return connect

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refusing(socket.socket.connect))
        patch.setattr(socket, "getaddrinfo", refusing(socket.getaddrinfo))
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
