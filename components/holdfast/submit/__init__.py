"""Submit pipelines and schedules to Kubeflow Pipelines."""
