"""What tells an operator that something needs him: alarms, a dashboard, a heartbeat, a budget."""

from collections.abc import Mapping

from aws_cdk import (
    Aws,
    Duration,
    aws_budgets,
    aws_cloudwatch,
    aws_cloudwatch_actions,
    aws_iam,
    aws_lambda,
    aws_sns,
    aws_sns_subscriptions,
    aws_sqs,
)
from constructs import Construct

from infra.constructs.function import WardenFunction
from infra.nag import acknowledge
from infra.stage import Stage

NAMESPACE = "Thingwarden"
MINUTES_5 = Duration.minutes(5)
STREAM_AGE_MS = 300_000
EVENT_AGE_MS = 300_000
PERSISTING = 3  # periods in a row
RETRIED = {"evaluate", "export", "sweep", "registry"}
"""Invoked all the time, and again where they fail: one failure is no news."""
RECONCILE_AGE_SECONDS = 36 * 3600  # one nightly pass was missed


class Operations(Construct):
    """Alarms on everything that may be lost or late.

    Args:
        dead_letters: Queues that should be empty, by what is in them.
        functions: By their names.

    Attributes:
        topic: Where alarms are told.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002
        *,
        stage: Stage,
        dead_letters: Mapping[str, aws_sqs.IQueue],
        functions: Mapping[str, WardenFunction],
    ) -> None:
        super().__init__(scope, id)
        self._stage = stage
        self.topic = self._make_topic()
        self._alarms: list[aws_cloudwatch.Alarm] = []
        for of, queue in dead_letters.items():
            self._alarm(
                f"Dead {of}",
                queue.metric_approximate_number_of_messages_visible(period=MINUTES_5, statistic="Maximum"),
                above=0,
                then="`warden redrive` has them dealt with again once the cause is mended",
            )
        self._watch_functions(functions)
        self._watch_own()
        if stage.options.heartbeat_minutes:
            self._watch_heartbeat()
        self._dashboard(functions)
        if stage.options.budget_usd:
            self._budget()

    def _make_topic(self) -> aws_sns.Topic:
        """Where CloudWatch publishes: it may not use AWS's own key of SNS, so only a customer's key encrypts."""
        stage = self._stage
        topic = aws_sns.Topic(
            self, "Topic", topic_name=stage.name("operations"), enforce_ssl=True, master_key=stage.key
        )
        if not stage.key:
            acknowledge(topic, SNS2="CloudWatch may not use AWS's own key, and an alarm's text is no secret")
        topic.add_to_resource_policy(
            aws_iam.PolicyStatement(
                principals=[aws_iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={
                    "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                    "ArnLike": {"aws:SourceArn": stage.arn("cloudwatch", f"alarm:{stage.name('*')}")},
                },
            )
        )
        for address in stage.options.alert_emails:
            topic.add_subscription(aws_sns_subscriptions.EmailSubscription(address))
        return topic

    def _watch_heartbeat(self) -> None:
        minutes = self._stage.options.heartbeat_minutes
        self._alarm(
            "Heartbeat",
            self._own("Heartbeat", "Sum", Duration.minutes(minutes)),
            below=1,
            periods=2,
            missing=aws_cloudwatch.TreatMissingData.BREACHING,
            then="a probe thing's alarm did not arrive; `warden doctor` says which path is broken",
        )

    def _watch_functions(self, functions: Mapping[str, WardenFunction]) -> None:
        for name, function in functions.items():
            self._alarm(
                f"{name.replace('_', ' ')} function errors",
                function.function.metric_errors(period=MINUTES_5),
                above=0,
                periods=PERSISTING if name in RETRIED else 1,
                then=f"see the log group of {name}",
            )
        evaluate, dispatch = functions["evaluate"].function, functions["dispatch"].function
        self._alarm(
            "evaluate throttles",
            evaluate.metric_throttles(period=MINUTES_5),
            above=0,
            periods=3,
            then="raise the account's Lambda concurrency; `warden doctor` says how far it carries",
        )
        self._alarm(
            "evaluate event age",
            evaluate.metric("AsyncEventAge", period=MINUTES_5, statistic="Maximum"),
            above=EVENT_AGE_MS,
            then="reports wait for the evaluator; after an hour they go to the dead letters",
        )
        self._alarm(
            "dispatch iterator age",
            dispatch.metric("IteratorAge", period=MINUTES_5, statistic="Maximum"),
            above=STREAM_AGE_MS,
            then="violations are recorded late; see the log group of dispatch",
        )

    def _watch_own(self) -> None:
        self._alarm(
            "overdue receipts",
            self._own("ReceiptOverdue", "Sum"),
            above=0,
            then="alerts were published and nothing says that their rule ran; `warden test-alert PROFILE`",
        )
        self._alarm(
            "reconcile age",
            self._own("ReconcileAge", "Maximum", Duration.hours(1)),
            above=RECONCILE_AGE_SECONDS,
            missing=aws_cloudwatch.TreatMissingData.BREACHING,  # it is sent every fifteen minutes
            then="the projection of the registry may be stale; see the log group of reconcile",
        )
        self._alarm(
            "dispatch failed",
            self._own("DispatchFailed", "Sum"),
            above=0,
            then="an entry's violations are recorded by the sweep later; see the log group of dispatch",
        )
        self._alarm(
            "sweep failed",
            self._own("SweepFailed", "Sum"),
            above=0,
            periods=PERSISTING,
            then="something that is due fails again and again; see the log group of sweep",
        )
        self._alarm(
            "exports failed",
            self._own("ExportFailed", "Sum"),
            above=0,
            then="a topic or its role refuses exported metrics; see the log groups of export and of receipts",
        )
        self._alarm(
            "control api errors",
            self._own("ControlApiErrors", "Sum"),
            above=0,
            then="calls were answered with 500; see the log group of control-api",
        )

    def _own(self, metric: str, statistic: str, period: Duration = MINUTES_5) -> aws_cloudwatch.Metric:
        return aws_cloudwatch.Metric(
            namespace=NAMESPACE,
            metric_name=metric,
            dimensions_map={"stage": self._stage.options.stage},
            statistic=statistic,
            period=period,
        )

    def _alarm(
        self,
        of: str,
        metric: aws_cloudwatch.IMetric,
        *,
        then: str,
        above: float | None = None,
        below: float | None = None,
        periods: int = 1,
        missing: aws_cloudwatch.TreatMissingData = aws_cloudwatch.TreatMissingData.NOT_BREACHING,
    ) -> None:
        operators = aws_cloudwatch.ComparisonOperator
        alarm = aws_cloudwatch.Alarm(
            self,
            of.title().replace(" ", ""),
            alarm_name=self._stage.name(of.lower().replace(" ", "-").replace("_", "-")),
            alarm_description=f"Thingwarden, stage {self._stage.options.stage}: {of}. Then: {then}.",
            metric=metric,
            threshold=above if above is not None else below or 0,
            comparison_operator=operators.GREATER_THAN_THRESHOLD
            if above is not None
            else operators.LESS_THAN_THRESHOLD,
            evaluation_periods=periods,
            treat_missing_data=missing,
        )
        action = aws_cloudwatch_actions.SnsAction(self.topic)
        alarm.add_alarm_action(action)
        alarm.add_ok_action(action)
        self._alarms.append(alarm)

    def _dashboard(self, functions: Mapping[str, WardenFunction]) -> None:
        def lines(title: str, *metrics: aws_cloudwatch.IMetric) -> aws_cloudwatch.GraphWidget:
            return aws_cloudwatch.GraphWidget(title=title, left=list(metrics), width=12)

        evaluate, dispatch = functions["evaluate"].function, functions["dispatch"].function
        taken = [self._own(name, "Sum") for name in ("Accepted", "Rejected", "Throttled", "Late", "Duplicate", "Raced")]
        waits = [self._own("AlertSeconds", statistic) for statistic in ("p50", "p99", "Maximum")]
        aws_cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=f"{self._stage.name('overview')}-{Aws.REGION}",  # dashboards are the account's
            widgets=[
                [aws_cloudwatch.AlarmStatusWidget(title="Alarms", alarms=self._alarms, width=24)],
                [lines("Reports", *taken), lines("From report to alert, seconds", *waits)],
                [
                    lines("Evaluator, ms", *_percentiles(evaluate)),
                    lines("Dispatch: age of the stream, ms", dispatch.metric("IteratorAge", statistic="Maximum")),
                ],
            ],
        )

    def _budget(self) -> None:
        options = self._stage.options
        aws_budgets.CfnBudget(
            self,
            "Budget",
            budget=aws_budgets.CfnBudget.BudgetDataProperty(
                budget_name=f"{self._stage.name('monthly')}-{Aws.REGION}",
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=aws_budgets.CfnBudget.SpendProperty(amount=options.budget_usd, unit="USD"),
                cost_filters={"TagKeyValue": [f"user:thingwarden:stage${options.stage}"]},
            ),
            notifications_with_subscribers=[
                aws_budgets.CfnBudget.NotificationWithSubscribersProperty(
                    notification=aws_budgets.CfnBudget.NotificationProperty(
                        comparison_operator="GREATER_THAN",
                        notification_type=kind,
                        threshold=100,
                        threshold_type="PERCENTAGE",
                    ),
                    subscribers=[
                        aws_budgets.CfnBudget.SubscriberProperty(address=address, subscription_type="EMAIL")
                        for address in options.alert_emails
                    ],
                )
                for kind in ("ACTUAL", "FORECASTED")
            ],
        )


def _percentiles(function: aws_lambda.Function) -> list[aws_cloudwatch.IMetric]:
    return [function.metric_duration(statistic=statistic) for statistic in ("p50", "p99")]
