"""The operations of the control API are botocore's."""

import re

import pytest
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

from tests.contract.iot import description, router, service_model
from warden.control_api.operations import DEVICE_DEFENDER, NAMES, TAGS
from warden.control_api.patterns import matcher
from warden.control_api.router import Router
from warden.control_api.validation import Readers
from warden.control_api.wire import Writers


def test_there_are_60_operations_of_device_defender_and_three_for_tags() -> None:
    assert len(set(DEVICE_DEFENDER)) == len(DEVICE_DEFENDER) == 60
    assert set(TAGS) == {"TagResource", "UntagResource", "ListTagsForResource"}


@pytest.mark.parametrize("name", ["CreateSecurityProfile", "ListTagsForResource"])
def test_a_botocore_that_lacks_an_operation_is_refused_by_its_name(name: str) -> None:
    lacking = description()
    del lacking["operations"][name]
    with pytest.raises(LookupError, match=f"iot model lacks {name}$"):
        Router(ServiceModel(lacking, "iot"), {})


def test_an_operation_that_is_none_of_the_control_apis_is_refused() -> None:
    with pytest.raises(LookupError, match="no operations of the control API: CreateThing"):
        router(CreateThing=lambda _: {})


@pytest.mark.parametrize("name", NAMES)
def test_an_operation_has_the_method_and_path_of_the_model_and_no_other(name: str) -> None:
    http = service_model().operation_model(name).http
    path = re.sub(r"\{\w+\}", "a%3Ab", http["requestUri"])
    at = router()
    assert at.matches(http["method"], path)
    for other in (path + "/", path + "/much/more", "/" + path, path.upper()):
        assert not at.matches(http["method"], other)
    assert not at.matches("HEAD", path)


def test_no_path_of_aws_iots_other_operations_is_taken() -> None:
    at, model = router(), service_model()
    others = [model.operation_model(name) for name in model.operation_names if name not in NAMES]
    assert len(others) > 200
    assert [op.name for op in others if at.matches(op.http["method"], _example(op))] == []


def _example(operation: OperationModel) -> str:
    return re.sub(r"\{\w+\+?\}", "x", operation.http["requestUri"])


def shapes() -> dict[str, Shape]:
    """Every shape that an input or output of the operations is made of, by name."""
    found: dict[str, Shape] = {}

    def visit(shape: Shape | None) -> None:
        if shape is None or shape.name in found:
            return
        found[shape.name] = shape
        match shape:
            case StructureShape():
                for member in shape.members.values():
                    visit(member)
            case ListShape():
                visit(shape.member)
            case MapShape():
                visit(shape.key)
                visit(shape.value)

    for name in NAMES:
        visit(service_model().operation_model(name).input_shape)
        visit(service_model().operation_model(name).output_shape)
    return found


def patterns() -> list[str]:
    return sorted({shape.metadata["pattern"] for shape in shapes().values() if "pattern" in shape.metadata})


def test_every_shape_has_a_reader_and_a_writer() -> None:
    readers, writers = Readers(), Writers()
    for shape in shapes().values():
        assert readers.of(shape).expected
        assert callable(writers.of(shape))


@pytest.mark.parametrize("pattern", patterns())
def test_a_pattern_of_the_model_is_understood_and_cannot_backtrack_for_long(pattern: str) -> None:
    assert matcher(pattern)("\x00") is (pattern == "")
    assert not re.search(r"\)[*+{]", pattern), "a repeated group: matching may take more than linear time"
    assert len(re.findall(r"\][*+]", pattern)) <= 1, "two repetitions: matching may take quadratic time"


def test_shapes_of_one_name_have_one_meaning() -> None:
    """Readers are kept by a shape's name alone."""
    declared = description()["shapes"]
    for name, shape in shapes().items():
        for constraint in ("pattern", "min", "max", "enum"):
            assert shape.metadata.get(constraint) == declared[name].get(constraint)


def test_members_travel_only_where_the_router_looks_for_them() -> None:
    model = service_model()
    for name in NAMES:
        operation = model.operation_model(name)
        inputs = operation.input_shape.members.values() if operation.input_shape else []
        outputs = operation.output_shape.members.values() if operation.output_shape else []
        assert {member.serialization.get("location") for member in inputs} <= {"uri", "querystring", None}
        assert {member.serialization.get("location") for member in outputs} <= {None}
        assert operation.get_event_stream_input() is None
        assert not operation.has_streaming_input
        assert not operation.has_streaming_output
