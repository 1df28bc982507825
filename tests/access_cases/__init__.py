"""What AWS IoT policies let a client do: documents, who is behind the connection, what it tries, what is decided.

Each row can be asked of the policies alone and can be played by a real client.
Source: AWS IoT Core Developer Guide, AWS IoT Core policies, with its examples; what is our reading is in
docs/aws-readings.md.
"""

from tests.access_cases.conditions import CONDITIONS
from tests.access_cases.given import cases
from tests.access_cases.matching import MATCHING
from tests.access_cases.rights import ACTIONS_AND_RESOURCES, DECIDING, EXAMPLES
from tests.access_cases.variables import NOTHING_OF_A_CONNECTION, VARIABLES

CASES = [
    *cases(ACTIONS_AND_RESOURCES),
    *cases(MATCHING),
    *cases(VARIABLES),
    *cases(CONDITIONS),
    *cases(NOTHING_OF_A_CONNECTION),
    *cases(DECIDING),
    *cases(EXAMPLES),
]
