"""The demo, step by step: each shows what a client received, and fails where that is not what it should be."""

import json
import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from device import Device, Reply
from inbox import Alert, Inbox
from machine import LIST_LIMIT, Machine, Report, listening
from normal import CAMERA_PORT, KnownCount, normal_listening
from serve import START_SECONDS, Serve, running
from stage import Stage, StepFailed
from watch import PROFILE, Watch

GROUP = "demo"
ATTEMPTS = 10
"""Reports until this machine holds still for one: other programs listen too."""


def tell(stage: Stage, command: Sequence[str], data: Path, log: Path) -> None:
    """Show it all. Raises StepFailed at the first step that does not happen."""
    machine = _look(stage)
    stage.step("Start warden serve, on free ports and with data of its own")
    stage.call(f"{Path(command[0]).name} {' '.join(command[1:])} --data … --port 0 --mqtt-port 0 --mqtts-port 0")
    with running(command, data, log, stage) as serve:
        mqtt_port = _started(stage, serve)
        group, thing = _register(stage, serve)
        with Device(mqtt_port, thing, stage) as device:
            scene = Scene(stage, machine, device, thing)
            first = _first_report(scene)
            watch = _say_what_is_normal(scene, serve, first, group)
            with listening({*first.ports, CAMERA_PORT}) as opened:
                report = _report_with_port(scene, watch, opened)
                violation = _see_the_alarm(scene, watch, opened, report)
            _see_it_cleared(scene, watch, opened, violation["violationId"])
            _send_a_broken_report(scene)
            if watch.others():
                stage.say(f"Beside this story, {watch.others()}.")


@dataclass(frozen=True, slots=True)
class Scene:
    """Where the later steps happen."""

    stage: Stage
    machine: Machine
    device: Device
    thing: str

    def report(self, *marked: object) -> Report:
        """Send a report of the machine, and see it accepted."""
        report = self.machine.report()
        self.stage.call(f"{self.device.topic}   {len(report.payload)} bytes")
        for line in _summary(report):
            self.stage.note(line)
        reply = self.device.report(report.payload)
        self.stage.received(reply.payload, "ACCEPTED", *marked)
        _check_reply(reply, "accepted", report)
        return report


def _look(stage: Stage) -> Machine:
    stage.step("Look at this machine with AWS's own agent")
    machine = Machine()
    listeners = machine.before.listeners
    stage.say(f"{machine.agent} sees {listeners} TCP listener{'' if listeners == 1 else 's'} here.")
    return machine


def _started(stage: Stage, serve: Serve) -> int:
    endpoints = stage.until(serve.endpoints, "endpoints.json", lambda: "no such file", seconds=START_SECONDS)
    stage.received(endpoints)
    return int(json.loads(endpoints)["mqtt"].rpartition(":")[2])


def _register(stage: Stage, serve: Serve) -> tuple[str, str]:
    stage.step("Register this machine as a thing, in a thing group")
    iot, thing = serve.client("iot"), _thing_name(socket.gethostname())
    stage.call(f'iot.create_thing(thingName="{thing}")')
    stage.answered({"thingArn": iot.create_thing(thingName=thing)["thingArn"]})
    stage.call(f'iot.create_thing_group(thingGroupName="{GROUP}")')
    group: str = iot.create_thing_group(thingGroupName=GROUP)["thingGroupArn"]
    stage.answered({"thingGroupArn": group})
    iot.add_thing_to_thing_group(thingGroupName=GROUP, thingName=thing)
    stage.call(f'iot.list_things_in_thing_group(thingGroupName="{GROUP}")   after adding it')
    members = iot.list_things_in_thing_group(thingGroupName=GROUP)["things"]
    stage.answered({"things": members})
    _check("the group", members, [thing])
    return group, thing


def _first_report(scene: Scene) -> Report:
    scene.stage.step("Send the machine's first report over MQTT")
    return scene.report()


def _say_what_is_normal(scene: Scene, serve: Serve, first: Report, group: str) -> Watch:
    stage, normal = scene.stage, normal_listening(first)
    stage.step("Say what is normal: a security profile for the group")
    if isinstance(normal, KnownCount):
        stage.say(f"This machine has {first.listeners} TCP listeners and the agent lists {LIST_LIMIT} of them,")
        stage.say("drawn at random: the profile goes by their number instead of their ports.")
    else:
        stage.say(f"The first is that of AWS's guide: port {CAMERA_PORT}, and those just reported.")
    watch = Watch(serve.client("iot"), Inbox(serve, "demo-alerts"), normal)
    watch.begin(group)
    stage.call(f'iot.describe_security_profile(securityProfileName="{PROFILE}")')
    described = watch.described()
    for behavior in described["behaviors"]:
        stage.answered({key: behavior[key] for key in ("name", "metric", "criteria")})
    stage.answered({"alertTargets": described["alertTargets"]})
    return watch


def _report_with_port(scene: Scene, watch: Watch, opened: int) -> Report:
    scene.stage.step(f"Listen on TCP port {opened}, which is not normal, and report")
    for _ in range(ATTEMPTS):
        report = scene.report()
        if watch.normal.blames(opened, report):
            return report
        narrowed = watch.normal.narrowed(report)
        if narrowed is None:
            raise StepFailed(f"port {opened} in the agent's report", f"it lists {_listed(report.ports)}")
        scene.stage.say("Other programs have closed ports since, so fewer are normal:")
        watch.change(narrowed, scene.stage)
    raise StepFailed("one more listener than before", f"others closed theirs, {ATTEMPTS} times")


def _see_the_alarm(scene: Scene, watch: Watch, opened: int, report: Report) -> dict[str, Any]:
    stage, value, mark = scene.stage, watch.normal.datapoint(report), watch.normal.mark(opened, report)
    stage.step("See the alarm")
    stage.call(f'iot.list_active_violations(thingName="{scene.thing}")')
    [violation] = stage.until(
        lambda: watch.active(scene.thing),
        f"an active violation of {watch.behavior!r}",
        lambda: f"ListActiveViolations returned none; {watch.others() or 'no alert came'}",
    )
    stage.answered(violation, mark)
    stage.call("sqs.receive_message(…)   from the queue that hears the SNS topic")
    alert = _alert(scene, watch, "in-alarm")
    stage.received(alert.text, "in-alarm", mark)
    _check("the violation's lastViolationValue", violation["lastViolationValue"], value)
    _check("the alert's metricValue", alert.content["metricValue"], value)
    _check("the alert's violationId", alert.content["violationId"], violation["violationId"])
    stage.checked(watch.normal.verdict(opened, report))
    return violation


def _see_it_cleared(scene: Scene, watch: Watch, opened: int, violation_id: str) -> None:
    stage = scene.stage
    stage.step(f"Close port {opened}, and report again")
    report = _normal_report(scene, watch, opened)
    stage.call("sqs.receive_message(…)")
    alert = _alert(scene, watch, "alarm-cleared")
    stage.received(alert.text, "alarm-cleared")
    _check("the alert's violationId", alert.content["violationId"], violation_id)
    _check("the alert's metricValue", alert.content["metricValue"], watch.normal.datapoint(report))
    stage.call(f'iot.list_active_violations(thingName="{scene.thing}")')
    active = f"violation {violation_id} is still active"
    stage.until(lambda: not watch.active(scene.thing), "the end of the violation", lambda: active)
    stage.answered({"activeViolations": watch.active(scene.thing)})
    stage.checked(f"Port {opened} is gone, and the same violation has ended.")


def _normal_report(scene: Scene, watch: Watch, opened: int) -> Report:
    for _ in range(ATTEMPTS):
        report = scene.report()
        if opened in report.ports:
            raise StepFailed(f"a report without port {opened}", "the agent still lists it")
        excess = watch.normal.excess(report)
        if not excess:
            return report
        scene.stage.say(f"Other programs listen since ({excess}), so more is normal:")
        watch.change(watch.normal.widened(report), scene.stage)
    raise StepFailed("a report with nothing new", f"others began to listen, {ATTEMPTS} times")


def _send_a_broken_report(scene: Scene) -> None:
    stage, report = scene.stage, scene.machine.report()
    stage.step("Send a broken report")
    broken = json.loads(report.payload)
    broken["metrics"]["listening_tcp_ports"]["ports"][0]["port"] = "https"
    stage.call(f'{scene.device.topic}   now with "port":"https"')
    reply = scene.device.report(json.dumps(broken))
    stage.received(reply.payload, "REJECTED")
    _check_reply(reply, "rejected", report)
    details, path = json.loads(reply.payload)["statusDetails"], "metrics.listening_tcp_ports.ports[0].port: "
    _check("the ErrorCode", details["ErrorCode"], "InvalidPayload")
    if not details["ErrorMessage"].startswith(path):
        raise StepFailed(f"an ErrorMessage that begins with {path!r}", repr(details["ErrorMessage"]))
    stage.checked("The rejection says where, what was expected, and what was there.")


def _alert(scene: Scene, watch: Watch, event: str) -> Alert:
    what = f"an alert {event} of {watch.behavior!r}"
    return scene.stage.until(lambda: watch.alert(event), what, lambda: watch.others() or "no alert came")


def _check_reply(reply: Reply, verdict: str, report: Report) -> None:
    content = json.loads(reply.payload)
    _check("the reply's topic ends in", reply.topic.rpartition("/")[2], verdict)
    _check("the reply's status", content["status"], verdict.upper())
    _check("the reply's reportId", content.get("reportId"), report.report_id)


def _check(what: str, seen: object, expected: object) -> None:
    if seen != expected:
        raise StepFailed(f"{what}: {json.dumps(expected)}", json.dumps(seen, default=str))


def _summary(report: Report) -> list[str]:
    more = f" ({report.listeners} listeners)" if report.listeners > len(report.ports) else ""
    return [
        f"listening on TCP {_listed(report.ports)}{more}",
        f"{report.bytes_out:,} bytes out; connected to {_listed(report.destinations) or 'nobody'}",
    ]


def _listed(values: Sequence[object]) -> str:
    return ", ".join(map(str, values))


def _thing_name(hostname: str) -> str:
    """The machine's name, in the characters of a thing's and short enough for a line."""
    return re.sub(r"[^a-zA-Z0-9:_-]", "-", hostname)[:24] or "this-machine"
