"""Custom metrics and dimensions."""

from collections.abc import Mapping
from typing import Any

import msgspec

from warden.control_api.context import Context, moment, page_size
from warden.control_api.operations import Operation
from warden.control_api.tags import given_tags
from warden.domain.behaviors.topic_filters import filter_problem
from warden.domain.errors import InvalidRequest
from warden.storage.definitions import CustomMetric, Dimension
from warden.use_cases.define import Define

AWS_METRIC = "aws:"


class CustomMetrics:
    """The operations on custom metrics."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._define = Define(
            context.catalogue,
            context.catalogue.custom_metrics,
            what="custom metric",
            member="metricName",
            most=context.limits.custom_metrics,
            used_by=lambda profile, name: name in profile.retained_metrics(),
        )

    def operations(self) -> Mapping[str, Operation]:
        """By the operations' names."""
        return {
            "CreateCustomMetric": self.create,
            "UpdateCustomMetric": self.update,
            "DescribeCustomMetric": self.describe,
            "DeleteCustomMetric": self.delete,
            "ListCustomMetrics": self.list,
        }

    def create(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """CreateCustomMetric."""
        name, now = request["metricName"], self._context.clock()
        if name.startswith(AWS_METRIC):
            raise InvalidRequest(f"metricName: expected a name that does not begin with {AWS_METRIC}, got {name!r}")
        new = CustomMetric(
            name=name,
            metric_type=request["metricType"],
            display_name=request.get("displayName"),
            created_at=now,
            modified_at=now,
            token=request["clientRequestToken"],
            tags=given_tags(request),
        )
        self._define.create(new, arn=self._arn(name), now=now)
        return {"metricName": name, "metricArn": self._arn(name)}

    def update(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """UpdateCustomMetric."""
        now = self._context.clock()

        def edit(metric: CustomMetric) -> CustomMetric:
            return msgspec.structs.replace(metric, display_name=request["displayName"], modified_at=now)

        return self._described(self._define.update(request["metricName"], edit, now=now))

    def describe(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """DescribeCustomMetric."""
        return self._described(self._define.describe(request["metricName"]))

    def delete(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """DeleteCustomMetric."""
        self._define.delete(request["metricName"], now=self._context.clock())
        return {}

    def list(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """ListCustomMetrics."""
        place = self._context.place("ListCustomMetrics", request)
        found, more = self._context.catalogue.custom_metrics.page(after=place, limit=page_size(request))
        names = [metric.name for metric in found]
        return self._context.page("ListCustomMetrics", request, "metricNames", names, more)

    def _arn(self, name: str) -> str:
        return self._context.arn(f"custommetric/{name}")

    def _described(self, metric: CustomMetric) -> Mapping[str, Any]:
        return {
            "metricName": metric.name,
            "metricArn": self._arn(metric.name),
            "metricType": metric.metric_type,
            "displayName": metric.display_name,
            "creationDate": moment(metric.created_at),
            "lastModifiedDate": moment(metric.modified_at),
        }


class Dimensions:
    """The operations on dimensions."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._define = Define(
            context.catalogue,
            context.catalogue.dimensions,
            what="dimension",
            member="name",
            most=context.limits.dimensions,
            used_by=lambda profile, name: name in profile.dimensions(),
        )

    def operations(self) -> Mapping[str, Operation]:
        """By the operations' names."""
        return {
            "CreateDimension": self.create,
            "UpdateDimension": self.update,
            "DescribeDimension": self.describe,
            "DeleteDimension": self.delete,
            "ListDimensions": self.list,
        }

    def create(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """CreateDimension."""
        name, now = request["name"], self._context.clock()
        new = Dimension(
            name=name,
            type=request["type"],
            string_values=_filters(request),
            created_at=now,
            modified_at=now,
            token=request["clientRequestToken"],
            tags=given_tags(request),
        )
        self._define.create(new, arn=self._arn(name), now=now)
        return {"name": name, "arn": self._arn(name)}

    def update(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """UpdateDimension."""
        now, values = self._context.clock(), _filters(request)

        def edit(dimension: Dimension) -> Dimension:
            return msgspec.structs.replace(dimension, string_values=values, modified_at=now)

        return self._described(self._define.update(request["name"], edit, now=now))

    def describe(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """DescribeDimension."""
        return self._described(self._define.describe(request["name"]))

    def delete(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """DeleteDimension."""
        self._define.delete(request["name"], now=self._context.clock())
        return {}

    def list(self, request: dict[str, Any]) -> Mapping[str, Any]:
        """ListDimensions."""
        place = self._context.place("ListDimensions", request)
        found, more = self._context.catalogue.dimensions.page(after=place, limit=page_size(request))
        return self._context.page("ListDimensions", request, "dimensionNames", [each.name for each in found], more)

    def _arn(self, name: str) -> str:
        return self._context.arn(f"dimension/{name}")

    def _described(self, dimension: Dimension) -> Mapping[str, Any]:
        return {
            "name": dimension.name,
            "arn": self._arn(dimension.name),
            "type": dimension.type,
            "stringValues": list(dimension.string_values),
            "creationDate": moment(dimension.created_at),
            "lastModifiedDate": moment(dimension.modified_at),
        }


def _filters(request: Mapping[str, Any]) -> tuple[str, ...]:
    values = tuple(request["stringValues"])
    for position, value in enumerate(values):
        if problem := filter_problem(value):
            raise InvalidRequest(f"stringValues[{position}]: expected {problem}, got {value!r}")
    return values
