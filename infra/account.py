"""Where a deployment would go: said before anything is built, or why it cannot go anywhere."""

import os
import sys

import boto3
from botocore.exceptions import BotoCoreError, ClientError


def main() -> None:
    """Print the account and the Region of the caller's credentials; exit code 1 where there are none."""
    session = boto3.Session(region_name=os.environ.get("AWS_REGION"))
    if not session.region_name:
        sys.exit("No Region is configured. Set AWS_REGION, or the profile's region, and try again.")
    try:
        account = session.client("sts").get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        sys.exit(
            f"AWS takes no such credentials: {error}\nConfigure some (aws configure, aws sso login), then try again."
        )
    print(f"Account {account}, Region {session.region_name}")


if __name__ == "__main__":
    main()
