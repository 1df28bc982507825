"""Registry events → topic rules → queue → function `registry` → the projection in table `log`; and the reconciler."""

from aws_cdk import Aws, Duration
from constructs import Construct

from infra.constructs.custom_resource import custom_resource
from infra.constructs.dispatch_path import scheduled
from infra.constructs.function import WardenFunction
from infra.constructs.queue_feed import feed
from infra.constructs.tables import Tables, index_arn
from infra.constructs.topic_rule import QueueRole, rule
from infra.nag import acknowledge
from infra.stage import Stage
from warden import rules
from warden.storage import keys


class RegistryPath(Construct):
    """The registry's facts about things, kept beside their logs, so that a report asks for none.

    Attributes:
        events: What to read again.
        dead_events: What could not be read again twenty times.
        seeded: Done when the projection was filled from the account's registry.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        stage: Stage,
        tables: Tables,
        registry: WardenFunction,
        reconcile: WardenFunction,
        setup: WardenFunction,
    ) -> None:
        super().__init__(scope, id)
        self.dead_events = stage.queue(self, "DeadEvents", "dead-registry")
        acknowledge(self.dead_events, SQS3="It is the last stop itself; an alarm watches it")
        self.events = stage.queue(
            self,
            "Events",
            "registry",
            dead_letters=self.dead_events,
            tries=20,  # what a function has no time for goes back
            visibility=Duration.minutes(12),
        )
        registry.tell(registry_queue_url=self.events.queue_url)
        # Repeats collapse in a batch; a large one would hold events that have to wait for the registry's quota.
        feed(self, "Feed", queue=self.events, function=registry, batch=20, window_seconds=5, concurrency=2)
        self._allow(stage, tables, registry, reconcile)
        followed = self._make_rules(stage, setup)
        scheduled(
            self,
            "Reconcile",
            stage=stage,
            function=reconcile,
            expression="cron(17 3 * * ? *)",
            payload='{"groups":"all"}',
        )
        scheduled(
            self,
            "ReconcileDynamic",
            stage=stage,
            function=reconcile,
            expression="rate(15 minutes)",
            payload='{"groups":"dynamic"}',
        )
        setup.allow("lambda:InvokeFunction", on=[reconcile.arn])
        self.seeded = custom_resource(
            self,
            "Seed",
            setup=setup,
            kind="Seed",
            properties={"FunctionName": reconcile.function.function_name},
            after=[reconcile.role, *followed],  # what changes behind the first pass's place has to be heard of
            within=Duration.hours(1),
        )

    def _make_rules(self, stage: Stage, setup: WardenFunction) -> list[Construct]:
        """Returns what has to be there for an event to be heard."""
        setup.allow("iot:UpdateEventConfigurations", on=["*"], why="AWS IoT knows no narrower resource for it")
        made: list[Construct] = [custom_resource(self, "EventConfigurations", setup=setup, kind="EventConfigurations")]
        sender = QueueRole(self, "Sender", stage=stage, queues=[self.events])
        for of, sql in rules.REGISTRY_SQL.items():
            # Whoever may publish to $aws/rules/* may invoke a rule whose name he knows, so nobody knows it.
            name = custom_resource(
                self, f"{of}Name", setup=setup, kind="RandomName", properties={"Prefix": stage.rule_name(f"{of}_")}
            )
            made.append(
                rule(
                    self,
                    f"{of}Rule",
                    name=name.get_att_string("Name"),
                    sql=sql,
                    description="What the registry of things says has changed",
                    actions=[sender.send_to(self.events)],
                    after=[sender.ready],
                )
            )
        return made

    def _allow(self, stage: Stage, tables: Tables, registry: WardenFunction, reconcile: WardenFunction) -> None:
        for function in (registry, reconcile):
            function.allow("dynamodb:Query", "dynamodb:GetItem", "dynamodb:PutItem", on=[tables.log.table_arn])
            function.allow("dynamodb:Query", "dynamodb:GetItem", on=[tables.control.table_arn])
            function.allow(
                "iot:DescribeThing",
                "iot:ListThingGroupsForThing",
                on=[stage.arn("iot", "thing/*")],
                why="It reads the facts of any thing",
            )
            function.allow(
                "iot:DescribeThingGroup",
                on=[stage.arn("iot", "thinggroup/*")],
                why="A thing may be in any group, whose place in the hierarchy decides what covers it",
            )
            function.allow_key()
        registry.allow("dynamodb:BatchGetItem", on=[tables.control.table_arn, tables.log.table_arn])
        registry.allow("sqs:SendMessage", on=[self.events.queue_arn])
        for function in (registry, reconcile):
            function.go_on_by_itself()
        registry.allow("dynamodb:Query", on=[index_arn(tables.control, keys.BY_PROFILE)])
        reconcile.allow("dynamodb:BatchGetItem", on=[tables.log.table_arn])
        reconcile.allow("dynamodb:PutItem", "dynamodb:DeleteItem", on=[tables.control.table_arn])
        reconcile.allow("dynamodb:Query", on=[index_arn(tables.log, keys.THINGS)])
        reconcile.allow(
            "iot:ListThings", "iot:ListThingGroups", on=["*"], why="AWS IoT knows no narrower resource for lists"
        )
        reconcile.allow(
            "iot:ListThingsInThingGroup",
            on=[stage.arn("iot", "thinggroup/*")],
            why="Any group may be a target",
        )
        reconcile.allow(
            "lambda:InvokeFunction",
            on=[f"arn:{Aws.PARTITION}:lambda:{Aws.REGION}:{Aws.ACCOUNT_ID}:function:{stage.name('reconcile')}"],
        )
