"""What people say of a violation is kept with it, and with its events."""

from warden.domain.errors import InvalidRequest, Raced
from warden.storage.violations import Violations

ATTEMPTS = 10


def verify_violation(violations: Violations, violation_id: str, *, state: str, description: str | None) -> None:
    """Label a violation; what is sent and evaluated is not changed by it.

    Args:
        violations: Where they are.
        violation_id: Its id.
        state: AWS's verificationState.
        description: Why, in people's words; None takes away what was said.

    Raises: InvalidRequest for a violation that there is not; AWS declares no other error for it.
    """
    for _ in range(ATTEMPTS):
        try:
            if violations.verify(violation_id, state=state, description=description):
                return
        except Raced:
            continue
        raise InvalidRequest(f"violationId: there is no violation {violation_id!r}")
    raise Raced(f"{violation_id}: others wrote first {ATTEMPTS} times")
