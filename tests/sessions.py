"""boto3 sessions that read botocore's models once for all of them, where each by itself reads them anew."""

import boto3
import moto.core.models  # noqa: F401 (before any session is made: it adds what answers them inside `mock_aws`)
from botocore.session import get_session

_MODELS = get_session().get_component("data_loader")


def new_session(*key: str, region: str | None = None) -> boto3.Session:
    """A session of a key's id and secret; of whose the environment names, where there is none."""
    core = get_session()
    core.register_component("data_loader", _MODELS)
    return boto3.Session(*key, region_name=region, botocore_session=core)


STOCK = new_session()
"""For clients that are given their key and Region themselves."""
