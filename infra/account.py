"""Where a deployment would go: said before anything is built, or why it cannot go anywhere."""

import os
import sys

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

CONFIGURE = "Configure some (aws configure, aws sso login), then try again."


def main() -> None:
    """Print the account and the Region of the caller's credentials; exit code 1 where there are none."""
    session = boto3.Session(region_name=os.environ.get("AWS_REGION"))
    if not session.region_name:
        sys.exit("No Region is configured. Set AWS_REGION, or the profile's region, and try again.")
    try:
        account = session.client("sts").get_caller_identity()["Account"]
    except (NoCredentialsError, PartialCredentialsError) as error:
        sys.exit(f"No AWS credentials were found: {error}.\n{CONFIGURE}")
    except ClientError as error:
        sys.exit(f"AWS does not take these credentials: {error}\n{CONFIGURE}")
    except BotoCoreError as error:
        sys.exit(f"AWS cannot be asked: {error}")
    print(f"Account {account}, Region {session.region_name}")


if __name__ == "__main__":
    main()
