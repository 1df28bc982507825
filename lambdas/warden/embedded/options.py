"""What `warden serve` is told, and where it keeps what."""

from pathlib import Path
from typing import Final

import msgspec

from warden.domain.behaviors.limits import AWS_QUOTAS, Limits

DAY_MS: Final = 86_400_000


class ServeOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The options of `warden serve`, as every process of it gets them.

    Attributes:
        data: Where everything is kept; nobody else's.
        http_port: Of the control API, on 127.0.0.1; 0 chooses one.
        mqtt_port: Of plain MQTT, on 127.0.0.1; 0 chooses one.
        mqtts_port: Of MQTT over mutual TLS, on `host`; 0 chooses one.
        host: Where devices with certificates connect, a name or an address of this machine.
        account: AWS account that everything belongs to, 12 digits.
        region: AWS Region that everything is in.
        metrics_prefix: First level of the own metrics topics, beside AWS's reserved ones.
        allow_unregistered_devices: Whether names that the registry does not have may report.
        min_report_interval_seconds: How far a thing's reports have to be apart; 0 for no minimum.
        datapoint_days: How long datapoints are kept, 2 to 90.
        event_days: How long violation events are kept, 2 to 90.
        aws_limits: Whether clients are held to AWS IoT Core's quotas of what they may do in a second.
        flag_counter_resets: See `domain.behaviors.spikes`.
        limits: How much there may be of what.
    """

    data: str
    http_port: int = 8080
    mqtt_port: int = 1883
    mqtts_port: int = 8883
    host: str = "127.0.0.1"
    account: str = "000000000000"
    region: str = "us-east-1"
    metrics_prefix: str = "warden"
    allow_unregistered_devices: bool = False
    min_report_interval_seconds: int = 0
    datapoint_days: int = 14
    event_days: int = 30
    aws_limits: bool = False
    flag_counter_resets: bool = True
    limits: Limits = AWS_QUOTAS

    @property
    def directory(self) -> Path:
        """Where everything is kept."""
        return Path(self.data)

    @property
    def keep_days(self) -> int:
        """How long log entries are kept: their state is needed for four days although datapoints may be for less."""
        return max(self.datapoint_days, 4)


LOG_FILE, CONTROL_FILE, HOME_FILE = "log.db", "control.db", "home.json"
CA_FILE, SERVER_CERTIFICATE_FILE, SERVER_KEY_FILE = "ca.pem", "server.pem", "server.key"
