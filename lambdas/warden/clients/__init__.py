"""Ways to a deployed control API for what signs requests as AWS IoT wants them: a boto3 client, and a proxy."""
