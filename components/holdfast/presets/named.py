"""The presets that have names: sizes, and access to services by Secrets and ConfigMaps."""

from kfp import dsl

from holdfast.images import family_of
from holdfast.presets.applying import together
from holdfast.presets.asking import config_map, resources, secret, toleration

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

small = resources(cpu=("250m", "1"), memory=("512Mi", "2Gi"))
medium = resources(cpu=("500m", "2"), memory=("1Gi", "4Gi"))
large = resources(cpu=("1", "4"), memory=("2Gi", "16Gi"))
gpu = together(
    resources(cpu=("2", "8"), memory=("8Gi", "32Gi"), accelerator=("nvidia.com/gpu", 1)),
    # The usual taint of nodes with GPUs.
    toleration("nvidia.com/gpu"),
)

# On small tables steps hold 0.05 to 0.45 GB. Those of training and evaluation hold the table, those
# of drift and monitoring a sample; the others stream.
_FAMILIES = {
    "data": small,
    "validation": medium,
    "training": large,
    "evaluation": large,
    "registry": small,
    "serving": medium,
    "deployment": small,
    "drift": medium,
    "monitoring": medium,
}
_STEPS = {"check-verdict": small, "write-model-card": small}


def sized(task: dsl.PipelineTask, stays: bool) -> None:
    """Apply the size that components of the task's family need; none to other teams' images."""
    family = family_of(str(task.container_spec.image))
    size = _STEPS.get(task.component_spec.name) or (_FAMILIES[family] if family else None)
    if size:
        size(task, stays)


object_store = together(
    config_map("holdfast", {"s3-endpoint": "HOLDFAST_S3_ENDPOINT"}),
    secret(
        "mlpipeline-minio-artifact",
        {"accesskey": "AWS_ACCESS_KEY_ID", "secretkey": "AWS_SECRET_ACCESS_KEY"},
    ),
)
mlflow = together(
    config_map("holdfast", {"mlflow-tracking-uri": "MLFLOW_TRACKING_URI"}),
    secret(
        "holdfast-mlflow",
        {
            "username": "MLFLOW_TRACKING_USERNAME",
            "password": "MLFLOW_TRACKING_PASSWORD",
            "token": "MLFLOW_TRACKING_TOKEN",
        },
    ),
)
alerts = secret("holdfast-alerts", RECEIVERS)
endpoint = secret("holdfast-endpoint", {"token": "HOLDFAST_ENDPOINT_TOKEN"})
study = secret("holdfast-study", {"url": "HOLDFAST_STUDY_STORAGE"})
