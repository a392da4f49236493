"""What our pipelines expect of a cluster's namespace; all of it is optional.

ConfigMap `holdfast`: `s3-endpoint` (http://HOST:PORT) and `mlflow-tracking-uri`.
Secret `mlpipeline-minio-artifact`, which KFP itself makes: `accesskey` and `secretkey`.
"""

from kfp import dsl, kubernetes

CONFIG_MAP = "holdfast"
STORE_SECRET = "mlpipeline-minio-artifact"  # noqa: S105  # a name, not a secret


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
