"""The AWS home: the paths through the system, wired."""

from collections.abc import Mapping

from aws_cdk import Aws, CfnOutput, Duration, Stack, Tags, aws_iam, aws_kms, aws_lambda, aws_ssm
from constructs import Construct

from infra.code import Layer, functions_code
from infra.constructs.alert_path import AlertPath
from infra.constructs.control_api import ControlApi
from infra.constructs.dispatch_path import DispatchPath
from infra.constructs.export_path import ExportPath
from infra.constructs.function import WardenFunction
from infra.constructs.heartbeat import Heartbeat
from infra.constructs.ingest_path import IngestPath
from infra.constructs.operations import Operations
from infra.constructs.provider import Provider
from infra.constructs.registry_path import RegistryPath
from infra.constructs.tables import Tables
from infra.options import Options
from infra.stage import Stage
from warden.settings import Settings


class WardenStack(Stack):
    """One stage of the AWS home.

    Args:
        options: What the deployer said.
    """

    def __init__(self, scope: Construct, id: str, *, options: Options) -> None:  # noqa: A002
        super().__init__(scope, id, description="Thingwarden: AWS IoT Device Defender, self-hosted")
        key = aws_kms.Key.from_key_arn(self, "Key", options.kms_key_arn) if options.kms_key_arn else None
        self.stage = Stage(options, key)
        stage = self.stage
        Tags.of(self).add("thingwarden:stage", options.stage)
        for name, value in options.tags.items():
            Tags.of(self).add(name, value)
        if options.permissions_boundary:
            boundary = aws_iam.ManagedPolicy.from_managed_policy_arn(self, "Boundary", options.permissions_boundary)
            aws_iam.PermissionsBoundary.of(self).apply(boundary)

        tables = Tables(self, "Tables", stage=stage)
        alerts = AlertPath(self, "AlertPath", stage=stage)
        role_arns = (stage.arn("iam", f"role{stage.role_path}*", region=False), *options.role_arns)
        functions = self._functions(self._environment(tables, alerts, role_arns))

        registry = RegistryPath(
            self,
            "RegistryPath",
            stage=stage,
            tables=tables,
            registry=functions["registry"],
            reconcile=functions["reconcile"],
            setup=functions["setup"],
        )
        ingest = IngestPath(
            self,
            "IngestPath",
            stage=stage,
            tables=tables,
            evaluate=functions["evaluate"],
            setup=functions["setup"],
            seeded=registry.seeded,
        )
        dispatch = DispatchPath(
            self, "DispatchPath", stage=stage, tables=tables, dispatch=functions["dispatch"], sweep=functions["sweep"]
        )
        alerts.publish_from(functions["dispatch"], functions["sweep"], role_arns=role_arns)
        export = ExportPath(
            self, "ExportPath", tables=tables, alerts=alerts, role_arns=role_arns, export=functions["export"]
        )
        alerts.clean_rules_from(functions["sweep"])
        alerts.take_receipts(functions["receipts"], tables=tables)
        alerts.judge_targets_and_callers_in(functions["control_api"], role_arns=role_arns)
        api = ControlApi(self, "ControlApi", stage=stage, tables=tables, function=functions["control_api"])
        provider = Provider(
            self,
            "Provider",
            stage=stage,
            tables=tables,
            alerts=alerts,
            role_arns=role_arns,
            function=functions["provider"],
        )
        alerts.clear_up_with(functions["setup"], after=[dispatch, export, api, provider])
        if options.heartbeat_minutes:
            Heartbeat(self, "Heartbeat", stage=stage, tables=tables, alerts=alerts, function=functions["heartbeat"])
        Operations(
            self,
            "Operations",
            stage=stage,
            dead_letters={
                "reports": ingest.dead_reports,
                "alerts": alerts.dead_alerts,
                "receipts": alerts.dead_receipts,
                "registry events": registry.dead_events,
            },
            functions=functions,
        )
        resources = {
            "account": Aws.ACCOUNT_ID,
            "evaluate_function": functions["evaluate"].function.function_name,
            "dispatch_function": functions["dispatch"].function.function_name,
            "dead_reports_queue": ingest.dead_reports.queue_url,
            "dead_alerts_queue": alerts.dead_alerts.queue_url,
            "dead_registry_queue": registry.dead_events.queue_url,
            "dead_receipts_queue": alerts.dead_receipts.queue_url,
            "stream_failures_bucket": dispatch.failures.bucket_name,
            "log_table": tables.log.table_name,
            "control_table": tables.control.table_name,
            "metrics_prefix": options.metrics_prefix,
            "alert_topic": alerts.topic.topic_arn,
            "alert_role": alerts.role.role_arn,
            "api_endpoint": api.url,
            "role_arns": list(role_arns),
            "metrics_rules": ingest.rule_names,
            "event_days": options.event_days,
        }
        aws_ssm.StringParameter(
            self,
            "Resources",
            parameter_name=stage.parameter("resources"),
            string_value=self.to_json_string(resources),
            description="Where the command `warden` finds the stage's parts",
        )
        CfnOutput(self, "AlertTopic", value=alerts.topic.topic_arn, description="alertTargetArn of a security profile")
        CfnOutput(self, "AlertRole", value=alerts.role.role_arn, description="roleArn of a security profile")
        for rule_name in ingest.rule_names:
            CfnOutput(
                self,
                "".join(part.title() for part in rule_name.split("_")[2:]) + "Rule",
                value=rule_name,
                description="Devices may publish reports to $aws/rules/THIS/… without message charge",
            )

    def _environment(self, tables: Tables, alerts: AlertPath, role_arns: tuple[str, ...]) -> Mapping[str, str]:
        options = self.stage.options
        return Settings(
            stage=options.stage,
            account=Aws.ACCOUNT_ID,
            partition=Aws.PARTITION,
            log_table=tables.log.table_name,
            control_table=tables.control.table_name,
            metrics_prefix=options.metrics_prefix,
            reserved_topic=bool(options.reserved_topic),
            allow_unregistered_devices=options.allow_unregistered_devices,
            min_report_interval_seconds=options.min_report_interval_seconds,
            replies=options.replies,
            datapoint_days=options.datapoint_days,
            event_days=options.event_days,
            flag_counter_resets=options.flag_counter_resets,
            limits=options.limits,
            behavior_dimension=options.behavior_dimension,
            registry_calls_per_second=options.registry_calls_per_second,
            role_arns=role_arns,
            check_pass_role=options.check_pass_role,
            stack_id=Aws.STACK_ID,
            rule_role_arn=alerts.rule_role_arn,
            receipts_queue_url=alerts.receipts.queue_url,
            dead_alerts_queue_url=alerts.dead_alerts.queue_url,
        ).environment()

    def _functions(self, environment: Mapping[str, str]) -> dict[str, WardenFunction]:
        code, scope = functions_code(), Construct(self, "Functions")
        layer: aws_lambda.ILayerVersion = Layer(scope, "Layer", name=self.stage.name("packages"))
        described = [
            ("evaluate", 30, 256, "Counts a metrics report and evaluates the behaviors"),
            ("dispatch", 60, 512, "Records what reports did to violations, and alerts"),
            ("export", 120, 512, "Exports metrics to MQTT topics"),
            ("sweep", 60, 512, "Does what is due, and what dispatch was kept from"),
            ("receipts", 30, 256, "Takes the receipts of alerts"),
            ("registry", 120, 256, "Reads again what the registry says has changed"),
            ("reconcile", 900, 512, "Compares what is known of things with the registry"),
            ("control_api", 30, 512, "Answers the control API"),
            ("provider", 120, 512, "Makes what other stacks declare with warden.cdk"),
            ("setup", 300, 256, "Answers the stack's custom resources"),
        ]
        if self.stage.options.heartbeat_minutes:
            described.append(("heartbeat", 30, 256, "Sends a probe's reports, and takes its alerts"))
        made = {}
        for of, seconds, memory, description in described:
            made[of] = WardenFunction(
                scope,
                of.title().replace("_", ""),
                stage=self.stage,
                of=of,
                description=description,
                code=code,
                layer=layer,
                environment=environment,
                timeout=Duration.seconds(seconds),
                memory=memory,
            )
        return made
