"""What a task or a pipeline asks of a cluster, in a line.

    apply(train_xgboost(train=table, transformer=transformer), large, retry(2))

    with defaults(small, retry(2)):  # or @defaults(small, retry(2)) below @dsl.pipeline
        ...                          # every task made in here, unless it says otherwise

It is carried into compiled YAML by kfp and kfp-kubernetes; kfp's local runners take no notice of
resources, Secrets, nodes and timeouts.

Of a namespace these are read where they exist; all are optional:

- ConfigMap `holdfast`: `s3-endpoint` (http://HOST:PORT) and `mlflow-tracking-uri`.
- Secret `mlpipeline-minio-artifact`, which KFP itself makes: `accesskey` and `secretkey`.
- Secret `holdfast-mlflow`: `username` and `password`, or `token`, where MLflow asks for them.
- Secret `holdfast-alerts`: where alerts go, a key for each of RECEIVERS.
- Secret `holdfast-endpoint`: `token`, where served models ask for one.
- Secret `holdfast-study`: `url`, the whole URL of the database that Optuna's studies are kept in.
"""

from holdfast.presets.applying import Preset, apply, defaults, together
from holdfast.presets.asking import (
    config_map,
    nodes,
    resources,
    retry,
    secret,
    timeout,
    toleration,
)
from holdfast.presets.named import (
    RECEIVERS,
    alerts,
    endpoint,
    gpu,
    large,
    medium,
    mlflow,
    object_store,
    sized,
    small,
    study,
)

__all__ = [
    "RECEIVERS",
    "Preset",
    "alerts",
    "apply",
    "config_map",
    "defaults",
    "endpoint",
    "gpu",
    "large",
    "medium",
    "mlflow",
    "nodes",
    "object_store",
    "resources",
    "retry",
    "secret",
    "sized",
    "small",
    "study",
    "timeout",
    "together",
    "toleration",
]
