"""Who calls the API, as IAM can be asked about it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class User:
    """An IAM user, by its ARN."""

    arn: str


@dataclass(frozen=True, slots=True)
class Role:
    """A role that somebody has assumed, by its name: a session's ARN lacks the path of the role's."""

    name: str


def caller(arn: str, account: str) -> User | Role | str:
    """Who an ARN that API Gateway's IAM authoriser gives stands for; a text says why IAM cannot be asked about it.

    Source: IAM API, SimulatePrincipalPolicy: it takes a user, a group or a role.
    """
    match arn.split(":", 5):
        case [_, _, "iam" | "sts", _, of, _] if of != account:
            return f"callers of another account ({of}) cannot be asked about here: assume a role of account {account}"
        case [_, _, "iam", _, _, "root"]:
            return "the root user has no policies that could be looked at: use a role or an IAM user"
        case [_, _, "iam", _, _, resource] if resource.startswith("user/"):
            return User(arn)
        case [_, _, "sts", _, _, resource] if resource.startswith("assumed-role/"):
            return Role(resource.split("/")[1])
        case [_, _, "sts", _, _, resource] if resource.startswith("federated-user/"):
            return "IAM cannot be asked about a federated user's permissions: use a role or an IAM user"
    return "IAM cannot be asked about this caller: use a role or an IAM user"
