"""The verifier of the tests agrees with AWS's own test suite of Signature Version 4."""

from tests.clients.sigv4 import Signed, signer_of

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SCOPE = "AKIDEXAMPLE/20150830/us-east-1/service/aws4_request"


def get(query: str, signature: str) -> Signed:
    authorization = f"AWS4-HMAC-SHA256 Credential={SCOPE}, SignedHeaders=host;x-amz-date, Signature={signature}"
    headers = {"host": "example.amazonaws.com", "x-amz-date": "20150830T123600Z", "authorization": authorization}
    return Signed("GET", "/", query, headers, b"")


def test_get_vanilla() -> None:
    request = get("", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31")

    assert signer_of(request, {"AKIDEXAMPLE": SECRET}, region="us-east-1", service="service") == "AKIDEXAMPLE"
    assert signer_of(request, {"AKIDEXAMPLE": "another"}, region="us-east-1", service="service") == ""
    assert signer_of(request, {"AKIDEXAMPLE": SECRET}, region="us-east-1", service="iot") == ""


def test_get_vanilla_query_order_key_case() -> None:
    request = get("Param2=value2&Param1=value1", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500")

    assert signer_of(request, {"AKIDEXAMPLE": SECRET}, region="us-east-1", service="service") == "AKIDEXAMPLE"
