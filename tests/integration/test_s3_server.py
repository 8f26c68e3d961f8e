"""The S3 server that the tests of object storage stand on keeps to the protocol."""

import pytest
from botocore.exceptions import ClientError

from tests.s3_server import S3OfTests

pytestmark = pytest.mark.slow


def test_an_object_is_had_by_ranges(s3: S3OfTests) -> None:
    bucket, client = s3.fresh_bucket(), s3.client()

    client.put_object(Bucket=bucket, Key="a/odd +%?#é.mp4", Body=b"0123456789")
    answer = client.get_object(Bucket=bucket, Key="a/odd +%?#é.mp4", Range="bytes=2-4")

    assert answer["Body"].read() == b"234"


def test_a_condition_on_what_is_there_is_held(s3: S3OfTests) -> None:
    bucket, client = s3.fresh_bucket(), s3.client()
    client.put_object(Bucket=bucket, Key="a", Body=b"first", IfNoneMatch="*")

    with pytest.raises(ClientError) as refused:
        client.put_object(Bucket=bucket, Key="a", Body=b"second", IfNoneMatch="*")

    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412
