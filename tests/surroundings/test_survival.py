"""What a restart and a kill leave."""

import os
import pickle
import pickletools
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from cryptography import x509

from tests.surroundings.home import ACCOUNT, REGION, Home, Subscriber, stock_client, until
from warden.embedded.surroundings import checkpoint
from warden.embedded.surroundings.checkpoint import CheckpointUnreadable, Keeper

FILE = "surroundings.checkpoint"
# What `fill` left behind, one for each moto that is readable; a release that takes another moto adds one
KEPT = Path(__file__).parent / "fixtures" / "moto-5.2.5.checkpoint"
DOCUMENT = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:Connect","Resource":"*"}]}'
QUEUE_ARN = f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"


def fill(home: Home) -> None:
    """Something of everything that is kept."""
    iot, sns, sqs, iam = (home.client(name) for name in ("iot", "sns", "sqs", "iam"))
    iot.create_thing_type(thingTypeName="pumps")
    iot.create_thing(thingName="pump", thingTypeName="pumps", attributePayload={"attributes": {"site": "north"}})
    iot.create_thing_group(thingGroupName="plant")
    iot.create_thing_group(thingGroupName="hall", parentGroupName="plant")
    iot.add_thing_to_thing_group(thingName="pump", thingGroupName="hall")
    iot.create_policy(policyName="p", policyDocument=DOCUMENT)
    certificate = iot.create_keys_and_certificate(setAsActive=True)["certificateArn"]
    iot.attach_policy(policyName="p", target=certificate)
    iot.attach_thing_principal(thingName="pump", principal=certificate)
    iot.create_role_alias(roleAlias="ra", roleArn=f"arn:aws:iam::{ACCOUNT}:role/r")
    home.client("iot-data").update_thing_shadow(thingName="pump", payload=b'{"state":{"desired":{"on":true}}}')
    iam.create_role(RoleName="r", AssumeRolePolicyDocument='{"Version":"2012-10-17","Statement":[]}')
    iam.put_role_policy(RoleName="r", PolicyName="i", PolicyDocument=DOCUMENT)
    home.client("sts").assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/r", RoleSessionName="session")
    topic = sns.create_topic(Name="t", Tags=[{"Key": "k", "Value": "v"}])["TopicArn"]
    sqs.create_queue(QueueName="dead")
    sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "600"})
    sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=QUEUE_ARN, Attributes={"FilterPolicy": '{"k":[{"prefix":"a"}]}'}
    )
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint="http://localhost:9/alerts")
    for text in ("first", "second"):
        sns.publish(TopicArn=topic, Message=text, MessageAttributes={"k": {"DataType": "String", "StringValue": "a1"}})


def without_answer_facts(answer: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def registry_of(home: Home) -> list[object]:
    iot, sns, iam = (home.client(name) for name in ("iot", "sns", "iam"))
    return [
        without_answer_facts(each)
        for each in (
            iot.describe_thing(thingName="pump"),
            iot.list_thing_groups_for_thing(thingName="pump"),
            iot.describe_thing_group(thingGroupName="hall"),
            iot.list_thing_principals(thingName="pump"),
            iot.list_certificates(),
            iot.list_policies(),
            iot.describe_role_alias(roleAlias="ra"),
            iam.get_role(RoleName="r"),
            sns.list_topics(),
            sns.list_subscriptions(),
        )
    ]


def test_a_restart_keeps_everything_with_its_ids(tmp_path: Path) -> None:
    with Home(tmp_path) as home:
        fill(home)
        before = registry_of(home)
    with Home(tmp_path, port=home.port) as again:
        assert registry_of(again) == before


def test_a_restart_keeps_what_waits_in_a_queue_and_what_was_received_but_not_deleted(tmp_path: Path) -> None:
    with Home(tmp_path) as home:
        fill(home)
        sqs = home.client("sqs")
        queue = sqs.get_queue_url(QueueName="q")["QueueUrl"]
        (in_flight,) = sqs.receive_message(QueueUrl=queue)["Messages"]
    with Home(tmp_path, port=home.port) as again:
        sqs = again.client("sqs")
        (waiting,) = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
        assert waiting["MessageId"] != in_flight["MessageId"]
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=in_flight["ReceiptHandle"])
        sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=waiting["ReceiptHandle"], VisibilityTimeout=0)
        (left,) = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
        assert left["MessageId"] == waiting["MessageId"]


def test_queues_topics_and_filters_still_work_after_a_restart(tmp_path: Path) -> None:
    with Home(tmp_path) as home:
        fill(home)
    with Home(tmp_path, port=home.port) as again, Subscriber() as subscriber:
        sns, sqs = again.client("sns"), again.client("sqs")
        topic = sns.list_topics()["Topics"][0]["TopicArn"]
        queue = sqs.get_queue_url(QueueName="q")["QueueUrl"]
        sqs.purge_queue(QueueUrl=queue)
        sns.publish(TopicArn=topic, Message="filtered out")
        sns.publish(TopicArn=topic, Message="in", MessageAttributes={"k": {"DataType": "String", "StringValue": "ab"}})
        (message,) = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
        assert '"Message": "in"' in message["Body"]
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=subscriber.url)
        assert subscriber.next().json["SubscribeURL"].startswith(again.url)


def test_a_confirmation_sent_before_a_restart_confirms_after_it(tmp_path: Path) -> None:
    with Subscriber() as subscriber:
        with Home(tmp_path) as home:
            topic = home.client("sns").create_topic(Name="t")["TopicArn"]
            home.client("sns").subscribe(TopicArn=topic, Protocol="http", Endpoint=subscriber.url)
            link = subscriber.next().json["SubscribeURL"]
        with Home(tmp_path, port=home.port) as again:
            again.get(link)
            again.client("sns").publish(TopicArn=topic, Message="m")
            assert subscriber.next().json["Message"] == "m"


def test_a_message_that_a_subscriber_did_not_take_is_sent_after_a_restart(tmp_path: Path) -> None:
    with Subscriber() as subscriber:
        with Home(tmp_path) as home:
            topic = home.client("sns").create_topic(Name="t")["TopicArn"]
            home.client("sns").subscribe(TopicArn=topic, Protocol="http", Endpoint=subscriber.url)
            home.get(subscriber.next().json["SubscribeURL"])
            subscriber.statuses.append(503)
            home.client("sns").publish(TopicArn=topic, Message="m")
            assert subscriber.next().json["Message"] == "m"
        with Home(tmp_path, port=home.port):
            assert subscriber.next().json["Message"] == "m"


def test_another_region_sees_nothing_and_loses_nothing(tmp_path: Path) -> None:
    with Home(tmp_path) as home:
        home.client("iot").create_thing(thingName="pump")
    with Home(tmp_path, region="eu-west-1") as elsewhere:
        assert elsewhere.client("iot").list_things()["things"] == []
        elsewhere.client("iot").create_thing(thingName="other")
    with Home(tmp_path) as again:
        assert [each["thingName"] for each in again.client("iot").list_things()["things"]] == ["pump"]


def killed(data_dir: Path, act: Callable[[str], None]) -> None:
    """Run a home in another process, act on it, kill -9."""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "tests.surroundings.child", str(data_dir)]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        try:
            act(child.stdout.readline().strip())
        finally:
            child.send_signal(signal.SIGKILL)


def test_a_thing_created_on_a_quiet_home_survives_kill_9_right_after_the_answer(tmp_path: Path) -> None:
    ids: list[str] = []

    def act(url: str) -> None:
        ids.append(stock_client("iot", url).create_thing(thingName="pump")["thingId"])

    killed(tmp_path, act)
    with Home(tmp_path) as home:
        assert home.client("iot").describe_thing(thingName="pump")["thingId"] == ids[0]


def test_a_burst_of_things_is_on_disk_by_itself_soon_after_and_survives_kill_9(tmp_path: Path) -> None:
    file = tmp_path / FILE
    names = [f"pump{number}" for number in range(30)]

    def act(url: str) -> None:
        iot = stock_client("iot", url)
        for name in names:
            iot.create_thing(thingName=name)
        until(lambda: names[-1].encode() in file.read_bytes())

    killed(tmp_path, act)
    with Home(tmp_path) as home:
        assert {each["thingName"] for each in home.client("iot").list_things()["things"]} == set(names)


def test_checkpoint_now_puts_an_alert_in_a_queue_on_disk(tmp_path: Path) -> None:
    with Home(tmp_path) as home:
        fill(home)
        sns = home.surroundings.client("sns")
        topic = sns.list_topics()["Topics"][0]["TopicArn"]
        attributes = {"k": {"DataType": "String", "StringValue": "a"}}
        sns.publish(TopicArn=topic, Message="the alert", MessageAttributes=attributes)
        home.surroundings.checkpoint_now()
        (crashed := tmp_path / "crashed").mkdir()
        shutil.copy(tmp_path / FILE, crashed / FILE)
    with Home(crashed) as after:
        sqs = after.client("sqs")
        queue = sqs.get_queue_url(QueueName="q")["QueueUrl"]
        bodies = [each["Body"] for each in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]]
        assert any("the alert" in body for body in bodies)


def test_the_files_are_their_owners_alone(tmp_path: Path) -> None:
    with Home(tmp_path) as home:
        home.client("iot").create_thing(thingName="pump")
        home.surroundings.flush()
        for name in (FILE, "deliveries.db"):
            assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


class Hostile:
    """Pickles as a call."""

    def __init__(self, call: Callable[..., object], *arguments: object) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> tuple[object, ...]:
        return self.call, self.arguments


@pytest.mark.parametrize(
    "body",
    [
        pickle.dumps(Hostile(os.system, "touch owned")),
        pickle.dumps(Hostile(eval, "open('owned','w')")),
        pickle.dumps(Hostile(subprocess.check_call, ["touch", "owned"])),
        pickle.dumps(Hostile(getattr, "", "join")),
        b"\x80\x04\x8c\x0fmoto.sqs.models\x8c\x14BaseModel.__new__.__x\x93.",
        b"\x80\x04\x8c\x0fmoto.sqs.models\x8c\x08deepcopy\x93.",
        b"\x80\x04\x8c\x0fmoto.core.utils\x8c\x07re.enum\x93.",
        b"cwarden.embedded.surroundings.sns\ninstall\n(tR.",
        pickle.dumps([1, 2]),
        pickle.dumps({"iot": 1}),
        b"",
        b"\x80\x05",
    ],
    ids=[
        "os.system",
        "eval",
        "a subprocess",
        "getattr",
        "a path through a module that is listed",
        "a function that a listed module imported",
        "a module that is not listed",
        "a function of ours",
        "a list",
        "a dictionary of something else",
        "nothing",
        "a piece of a pickle",
    ],
)
def test_a_hostile_checkpoint_runs_nothing_and_is_refused(
    tmp_path: Path, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / FILE).write_bytes(b'{"moto": "5.2.5"}\n' + body)
    with pytest.raises(CheckpointUnreadable):
        Home(tmp_path)
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("head", [b'{"moto": "4.0.0"}\n', b"garbage", b"", b"[" * 100_000, b"null\n", b"{}\n"])
def test_a_file_of_another_moto_or_of_nobody_is_refused_by_name_and_left_as_it_is(tmp_path: Path, head: bytes) -> None:
    file = tmp_path / FILE
    file.write_bytes(head + b"rest")
    with pytest.raises(CheckpointUnreadable, match=FILE):
        Home(tmp_path)
    assert file.read_bytes() == head + b"rest"


def test_a_checkpoint_names_no_code_but_what_is_listed(tmp_path: Path) -> None:
    with Home(tmp_path) as home:
        fill(home)
    body = (tmp_path / FILE).read_bytes().partition(b"\n")[2]
    texts = {argument for operation, argument, _ in pickletools.genops(body) if isinstance(argument, str) and operation}
    assert "warden.embedded.surroundings.registry" in texts
    assert not texts & {"os", "subprocess", "builtins.eval", "posix"}


def test_what_no_checkpoint_may_name_does_not_take_the_place_of_the_last_one(tmp_path: Path) -> None:
    lock, state = threading.Condition(), {"things": [1]}
    keeper = Keeper(tmp_path / FILE, lambda: checkpoint.dump(state, checkpoint.READABLE[0]), lock)
    with lock:
        keeper.changed()
    keeper.now()
    state["things"].append(UUID(int=7))  # type: ignore[arg-type]
    with lock:
        keeper.changed()
    with pytest.raises(OSError, match=r"uuid\.UUID is in it, which no checkpoint may name"):
        keeper.now()
    assert "uuid.UUID" in keeper.hindrance
    assert checkpoint.load(tmp_path / FILE) == {"things": [1]}


def test_the_checkpoint_of_each_readable_moto_is_read(tmp_path: Path) -> None:
    assert {f"moto-{version}.checkpoint" for version in checkpoint.READABLE} == {
        each.name for each in KEPT.parent.iterdir()
    }
    shutil.copy(KEPT, tmp_path / FILE)
    with Home(tmp_path) as home:
        thing = home.client("iot").describe_thing(thingName="pump")
        assert thing["attributes"] == {"site": "north"}
        assert [
            each["groupName"]
            for each in home.client("iot").list_thing_groups_for_thing(thingName="pump")["thingGroups"]
        ]
        queue = home.client("sqs").get_queue_url(QueueName="q")["QueueUrl"]
        assert home.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]


def test_a_checkpoint_of_before_the_authority_gets_one_and_shows_its_certificates_as_they_are(tmp_path: Path) -> None:
    shutil.copy(KEPT, tmp_path / FILE)
    with Home(tmp_path) as home:
        iot = home.client("iot")
        (old,) = iot.list_certificates()["certificates"]
        shown = iot.describe_certificate(certificateId=old["certificateId"])["certificateDescription"]
        pem = x509.load_pem_x509_certificate(shown["certificatePem"].encode())
        assert shown["validity"]["notAfter"] == pem.not_valid_after_utc
        assert shown["certificateMode"] == "SNI_ONLY"
        (principal,) = iot.list_thing_principals(thingName="pump")["principals"]
        effective = iot.get_effective_policies(principal=principal, thingName="pump")["effectivePolicies"]
        assert [each["policyName"] for each in effective] == ["p"]
        with pytest.raises(iot.exceptions.NotConfiguredException):
            iot.get_v2_logging_options()
        iot.create_keys_and_certificate()
    with Home(tmp_path, port=home.port) as again:
        listed = again.client("iot").list_certificates()["certificates"]
        assert len(listed) == 2


def test_a_full_disk_fails_checkpoint_now_and_leaves_the_old_file(tmp_path: Path) -> None:
    lock = threading.Condition()
    file = tmp_path / "missing" / "file"
    keeper = Keeper(file, lambda: b"new", lock)
    with lock:
        keeper.changed()
    with pytest.raises(OSError, match="missing"):
        keeper.now()
    with pytest.raises(OSError, match="missing"):
        keeper.if_cheap()
    file.parent.mkdir()
    keeper.now()
    assert file.read_bytes() == b"new"
