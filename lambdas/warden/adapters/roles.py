"""The account's roles, as IAM knows them."""

import re
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from warden.adapters.refusals import answers, is_refusal
from warden.domain.alerts.trust import SERVICE
from warden.ports import RoleFacts

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_iam.type_defs import ContextEntryTypeDef


NAME = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
"""Of a role. Source: IAM API, Role."""

PASSED_TO: Final["ContextEntryTypeDef"] = {
    "ContextKeyName": "iam:PassedToService",
    "ContextKeyValues": [SERVICE],
    "ContextKeyType": "string",
}


class IamRoles:
    """Port Roles.

    Args:
        client: boto3's, of service `iam`.
    """

    def __init__(self, client: "IAMClient") -> None:
        self._client = client

    def find(self, name: str) -> RoleFacts | None:
        """See Roles."""
        if not NAME.fullmatch(name):
            return None
        with answers(f"looking at role {name}"):
            try:
                role = self._client.get_role(RoleName=name)["Role"]
            except ClientError as error:
                if is_refusal(error, "NoSuchEntity", "NoSuchEntityException"):
                    return None
                raise
        return RoleFacts(role["Arn"], role["AssumeRolePolicyDocument"])

    def may_pass(self, principal: str, role: str) -> bool:
        """See Roles. What a session policy takes away from a caller, IAM does not see here."""
        with answers(f"asking whether {principal} may pass a role"):
            answer = self._client.simulate_principal_policy(
                PolicySourceArn=principal,
                ActionNames=["iam:PassRole"],
                ResourceArns=[role],
                ContextEntries=[PASSED_TO],
            )
        results = answer["EvaluationResults"]
        return bool(results) and all(result["EvalDecision"] == "allowed" for result in results)
