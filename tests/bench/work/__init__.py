import os


def import_executor() -> None:
    """Import what each step of KFP imports, in a container's way."""
    os.environ["_KFP_RUNTIME"] = "true"
    import kfp.dsl.executor_main  # noqa: F401
