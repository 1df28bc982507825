"""`warden test-alert` in the local home: the topic itself says whether it took the message."""

from collections.abc import Iterator

import pytest

from tests.cli.running import warden
from tests.home import Home, behavior, running


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with running(tmp_path_factory.mktemp("home") / "data") as started:
        yield started


def test_the_topics_subscribers_get_a_message_that_says_it_is_a_test(home: Home) -> None:
    inbox = home.inbox("tested")
    home.profile("tested", behavior(22), alertTargets=inbox.target)
    done = warden("test-alert", "tested", "--endpoint", home.url)
    assert (done.exit_code, f"{inbox.topic} took the message" in done.output) == (0, True), done.output
    message = inbox.next()
    assert (message["test"], message["securityProfileName"]) == (True, "tested")


@pytest.mark.parametrize(
    ("profile", "said"),
    [("nobodys", "ResourceNotFoundException"), ("mute", "'mute' has no alert target"), ("lost", "NotFound")],
)
def test_what_cannot_be_sent_ends_with_1_and_the_reason(home: Home, profile: str, said: str) -> None:
    if profile == "mute":
        home.profile("mute", behavior(22))
    if profile == "lost":
        target = home.inbox("lost").target
        home.profile("lost", behavior(22), alertTargets=target)
        home.client("sns").delete_topic(TopicArn=target["SNS"]["alertTargetArn"])
    done = warden("test-alert", profile, "--endpoint", home.url)
    assert (done.exit_code, said in done.output) == (1, True), done.output
