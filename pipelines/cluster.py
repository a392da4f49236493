"""What our pipelines expect of a cluster's namespace; all of it is optional.

ConfigMap `holdfast`: `s3-endpoint` (http://HOST:PORT) and `mlflow-tracking-uri`.
Secret `mlpipeline-minio-artifact`, which KFP itself makes: `accesskey` and `secretkey`.
Secret `holdfast-alerts`: where alerts go, a key for each of RECEIVERS.
Secret `holdfast-endpoint`: `token`, where served models ask for one.
"""

from kfp import dsl, kubernetes

CONFIG_MAP = "holdfast"
STORE_SECRET = "mlpipeline-minio-artifact"  # noqa: S105  # a name, not a secret
ALERTS_SECRET = "holdfast-alerts"  # noqa: S105
ENDPOINT_SECRET = "holdfast-endpoint"  # noqa: S105
# The keys of the Secret, by the variables that the rules of alerts name.
RECEIVERS = {
    "slack-webhook-url": "SLACK_WEBHOOK_URL",
    "alertmanager-url": "ALERTMANAGER_URL",
    "pushgateway-url": "PUSHGATEWAY_URL",
    "hook-url": "HOOK_URL",
    "hook-token": "HOOK_TOKEN",
    "smtp-server": "SMTP_SERVER",
    "smtp-user": "SMTP_USER",
    "smtp-password": "SMTP_PASSWORD",
}


def reach_services(task: dsl.PipelineTask) -> None:
    """Give a step the addresses and credentials of the object store and of MLflow."""
    kubernetes.use_config_map_as_env(
        task,
        config_map_name=CONFIG_MAP,
        config_map_key_to_env={
            "s3-endpoint": "HOLDFAST_S3_ENDPOINT",
            "mlflow-tracking-uri": "MLFLOW_TRACKING_URI",
        },
        optional=True,
    )
    kubernetes.use_secret_as_env(
        task,
        secret_name=STORE_SECRET,
        secret_key_to_env={"accesskey": "AWS_ACCESS_KEY_ID", "secretkey": "AWS_SECRET_ACCESS_KEY"},
        optional=True,
    )


def reach_receivers(task: dsl.PipelineTask) -> None:
    """Give a step the addresses and passwords that alerts are sent by."""
    kubernetes.use_secret_as_env(
        task, secret_name=ALERTS_SECRET, secret_key_to_env=RECEIVERS, optional=True
    )


def reach_endpoint(task: dsl.PipelineTask) -> None:
    """Give a step the token that served models ask for."""
    kubernetes.use_secret_as_env(
        task,
        secret_name=ENDPOINT_SECRET,
        secret_key_to_env={"token": "HOLDFAST_ENDPOINT_TOKEN"},
        optional=True,
    )
