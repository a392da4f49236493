"""A pipeline for each feature of KFP v2 that kubeflow/pipelines keeps samples of.

Written here, and compiled by the installed kfp when the tests run: what kfp accepts and compiles is
valid, so lint may find no error in it.
"""

# ruff: noqa: B006, SIM117, UP006, UP035, UP045 (KFP reads signatures and defaults as they are)
from typing import List, NamedTuple, Optional

from kfp import dsl, kubernetes

IMAGE = "python:3.11-slim"


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def flip() -> str:
    return "heads"


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def flip_named() -> NamedTuple("Outputs", [("side", str), ("sides", list)]):
    return ("heads", ["heads", "tails"])


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def show(text: str) -> str:
    print(text)
    return text


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def show_perhaps(text: str = "nothing"):
    print(text)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def show_list(texts: list) -> str:
    return str(texts)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def numbers() -> List[int]:
    return [1, 2]


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def write(table: dsl.Output[dsl.Dataset], text: str = "a"):
    with open(table.path, "w") as file:
        file.write(text)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def read(table: dsl.Input[dsl.Dataset]) -> str:
    return open(table.path).read()


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def read_all(tables: dsl.Input[list[dsl.Dataset]]) -> int:
    return len(tables)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def read_perhaps(table: dsl.Input[dsl.Dataset] = None, label: Optional[str] = None, count: int = 3):
    print(table, label, count)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def measure(metrics: dsl.Output[dsl.Metrics], curve: dsl.Output[dsl.ClassificationMetrics]):
    metrics.log_metric("accuracy", 0.9)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def tell(status: dsl.PipelineTaskFinalStatus):
    print(status.state)


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def every_type_of(a: int, b: float, c: bool, d: str, e: list, f: dict):
    print(a, b, c, d, e, f)


# As kfp makes them when nothing is said: kfp is installed at every start.
@dsl.component(base_image=IMAGE)
def add(a: int, b: int = 2) -> int:
    return a + b


@dsl.component(
    base_image=IMAGE,
    packages_to_install=["pandas==2.2.3", "yapf"],
    pip_index_urls=["https://index.example.com/simple"],
    use_venv=True,
)
def installs():
    pass


@dsl.container_component
def echo(text: str, suffix: str = ""):
    return dsl.ContainerSpec(
        image="alpine:3.20",
        command=["echo", dsl.ConcatPlaceholder([text, "-", suffix])],
        args=[dsl.IfPresentPlaceholder("suffix", ["--suffix", suffix], ["--bare"]), f"x={text}"],
    )


@dsl.container_component
def untagged(made: dsl.OutputPath(str)):
    return dsl.ContainerSpec(image="registry:5000/team/tool", command=["tool", "--out", made])


@dsl.pipeline
def after():
    first = show(text="a")
    show(text="b").after(first)


@dsl.pipeline
def artifacts():
    table = write().outputs["table"]
    read(table=table)
    read_perhaps(table=table)
    read_perhaps()
    measure()


@dsl.pipeline
def branches(threshold: float = 0.5):
    coin = flip()
    with dsl.If(coin.output == "heads"):
        show(text="heads")
    with dsl.Elif(coin.output == "tails"):
        with dsl.If(threshold > 0.2):
            show(text="tails")
    with dsl.Else():
        show(text="edge")


@dsl.pipeline
def condition_on_named():
    coin = flip_named()
    with dsl.If(coin.outputs["side"] == "heads"):
        show(text="heads")


@dsl.pipeline
def container(text: str = "hello"):
    echo(text=text)
    untagged()


@dsl.pipeline
def environment():
    show(text="a").set_env_variable("LEVEL", "debug")


@dsl.pipeline
def exit_handler(text: str = "hello"):
    with dsl.ExitHandler(tell()):
        show(text=text)
        flip()


@dsl.pipeline
def exit_handler_cached():
    with dsl.ExitHandler(show(text="done")):
        flip()


@dsl.pipeline
def fan_in():
    with dsl.ParallelFor([1, 2, 3], parallelism=2) as item:
        one = write(text=f"number {item}")
        two = show(text=f"{item}")
    read_all(tables=dsl.Collected(one.outputs["table"]))
    show_list(texts=dsl.Collected(two.output))


@dsl.pipeline
def ignores_failure():
    show_perhaps(text=flip().output).ignore_upstream_failure()


@dsl.pipeline
def importers(address: str = "gs://bucket/table.csv"):
    fixed = dsl.importer(
        artifact_uri="s3://bucket/table.csv",
        artifact_class=dsl.Dataset,
        reimport=False,
        metadata={"rows": 3},
    )
    read(table=fixed.output)
    given = dsl.importer(artifact_uri=address, artifact_class=dsl.Dataset, reimport=True)
    read(table=given.output)


@dsl.pipeline
def install():
    installs()
    add(a=1)


@dsl.pipeline
def loops(texts: list = ["a", "b"]):
    with dsl.ParallelFor(texts) as text:
        show(text=text)
    with dsl.ParallelFor(numbers().output) as number:
        add(a=number)


@dsl.pipeline
def loops_in_loops(items: List[dict] = [{"name": "a", "parts": [1, 2]}]):
    with dsl.ParallelFor(items) as item:
        show(text=item.name)
        with dsl.ParallelFor(item.parts) as one:
            add(a=one)


@dsl.pipeline
def loop_over_named():
    with dsl.ParallelFor(flip_named().outputs["sides"]) as side:
        show(text=side)


@dsl.pipeline
def nested(text: str = "a") -> str:
    return show(text=text).output


@dsl.pipeline
def nests() -> str:
    return show(text=nested(text="b").output).output


@dsl.pipeline
def one_of_parameters() -> str:
    coin = flip()
    with dsl.If(coin.output == "heads"):
        one = show(text="heads")
    with dsl.Else():
        two = show(text="tails")
    return dsl.OneOf(one.output, two.output)


@dsl.pipeline
def one_of_artifacts():
    coin = flip()
    with dsl.If(coin.output == "heads"):
        one = write(text="heads")
    with dsl.Else():
        two = write(text="tails")
    read(table=dsl.OneOf(one.outputs["table"], two.outputs["table"]))


@dsl.pipeline
def placeholders():
    show(text=dsl.PIPELINE_JOB_NAME_PLACEHOLDER)
    show(text="{}, %s and {{$}}")


@dsl.pipeline
def resources(memory: str = "1Gi", cpu: str = "1"):
    """Asks for resources.

    Args:
        memory: As Kubernetes writes it.
        cpu: Cores.
    """
    task = flip().set_cpu_request("500m").set_memory_request("512Mi").set_memory_limit("1Gi")
    task.set_cpu_limit("1").set_accelerator_type("nvidia.com/gpu").set_accelerator_limit(1)
    task.set_caching_options(False)
    flip().set_memory_limit(memory).set_cpu_limit(cpu)


@dsl.pipeline
def retries():
    flip().set_retry(num_retries=3)
    flip().set_retry(num_retries=3, backoff_duration="30s", backoff_factor=2)
    nested().set_retry(num_retries=2, backoff_duration="30s")


@dsl.pipeline
def secrets(secret_name: str = "store-credentials"):
    task = flip()
    kubernetes.use_secret_as_env(task, secret_name, {"password": "STORE_PASSWORD"})
    other = flip()
    kubernetes.use_secret_as_volume(other, "store", mount_path="/mnt/store")
    kubernetes.use_config_map_as_env(other, "settings", {"level": "LEVEL"})
    kubernetes.set_image_pull_secrets(other, ["registry"])


@dsl.pipeline
def volumes():
    made = kubernetes.CreatePVC(
        pvc_name_suffix="-data", access_modes=["ReadWriteOnce"], size="1Gi", storage_class_name=""
    )
    task = flip()
    kubernetes.mount_pvc(task, pvc_name=made.outputs["name"], mount_path="/data")
    kubernetes.DeletePVC(pvc_name=made.outputs["name"]).after(task)
    other = flip()
    kubernetes.empty_dir_mount(other, "scratch", mount_path="/scratch", size_limit="1Gi")
    kubernetes.add_ephemeral_volume(
        other, "big", mount_path="/big", access_modes=["ReadWriteOnce"], size="5Gi"
    )


@dsl.pipeline
def placement(labels: dict = {"disk": "ssd"}):
    task = flip()
    kubernetes.add_node_selector(task, "pool", "gpu")
    kubernetes.add_toleration(task, key="gpu", operator="Exists", effect="NoSchedule")
    kubernetes.add_node_affinity(
        task, match_expressions=[{"key": "disk", "operator": "In", "values": ["ssd"]}]
    )
    kubernetes.set_timeout(task, 600)
    kubernetes.add_pod_label(task, "team", "data")
    kubernetes.add_pod_annotation(task, "note", "a")
    kubernetes.use_field_path_as_env(task, "NODE", "spec.nodeName")
    kubernetes.set_image_pull_policy(task, "IfNotPresent")
    kubernetes.set_security_context(task, run_as_user=1000, run_as_group=0, run_as_non_root=True)
    kubernetes.add_node_selector_json(flip(), labels)


@dsl.pipeline
def optional_inputs(label: Optional[str] = None, table: dsl.Input[dsl.Dataset] = None):
    read_perhaps(table=table, label=label)


@dsl.pipeline
def nests_optional_inputs(label: Optional[str] = None):
    optional_inputs()
    optional_inputs(label=label)
    optional_inputs(table=write().outputs["table"])


@dsl.pipeline
def exit_by_pipeline():
    with dsl.ExitHandler(nested(text="done").set_caching_options(False)):
        flip()


@dsl.pipeline
def exit_handlers():
    with dsl.ExitHandler(tell(), name="first"):
        flip()
    with dsl.ExitHandler(tell()):
        with dsl.ParallelFor([1, 2]):
            flip()


@dsl.pipeline
def inner_fan_in(texts: List[str]) -> List[str]:
    with dsl.ParallelFor(texts) as text:
        with dsl.If(text != "skip"):
            one = show(text=text)
    return dsl.Collected(one.output)


@dsl.pipeline
def nested_fan_in() -> int:
    show_list(texts=inner_fan_in(texts=["a", "b"]).output)
    with dsl.ParallelFor([1, 2]) as outer:
        with dsl.ParallelFor(numbers().output) as inner:
            table = write(text=f"{outer}")
            add(a=inner, b=outer)
    return read_all(tables=dsl.Collected(table.outputs["table"])).output


@dsl.pipeline
def loops_and_conditions(
    texts: List[str] = ["heads"], wanted: str = "heads", items: List[dict] = [{"a": "1"}]
):
    coin = flip()
    with dsl.If(coin.output != "no-such-thing"):
        with dsl.ParallelFor(texts) as text:
            with dsl.If(text == wanted):
                with dsl.ParallelFor(items) as item:
                    show(text=item.a)
            with dsl.Else():
                show(text=coin.output)


@dsl.pipeline
def makes_tables() -> List[dsl.Dataset]:
    with dsl.ParallelFor([1, 2]) as number:
        made = write(text=f"{number}")
    return dsl.Collected(made.outputs["table"])


@dsl.pipeline
def loop_artifacts():
    with dsl.ParallelFor(items=makes_tables().output) as table:
        read(table=table)


@dsl.pipeline
def metadata_of_importer(owner: str = "me"):
    given = dsl.importer(
        artifact_uri="s3://bucket/a",
        artifact_class=dsl.Model,
        reimport=True,
        metadata={"owner": owner, "by": flip().output},
    )
    del given


@dsl.pipeline
def secrets_in_loops(names: List[str] = ["one", "two"]):
    with dsl.ParallelFor(names) as name:
        task = flip()
        kubernetes.use_secret_as_env(task, name, {"user": "USER_NAME"})


@dsl.pipeline(
    pipeline_config=dsl.PipelineConfig(
        workspace=dsl.WorkspaceConfig(
            size="1Gi",
            kubernetes=dsl.KubernetesWorkspaceConfig(
                pvcSpecPatch={"accessModes": ["ReadWriteOnce"]}
            ),
        )
    )
)
def workspace():
    show(text=dsl.WORKSPACE_PATH_PLACEHOLDER)


@dsl.pipeline
def every_type(a: int, b: float, c: bool, d: str, e: list, f: dict, g: List[int] = [1]):
    every_type_of(a=a, b=b, c=c, d=d, e=e, f=f)


PIPELINES = {
    pipeline.name: pipeline
    for pipeline in list(globals().values())
    if isinstance(pipeline, dsl.graph_component.GraphComponent)
}
COMPONENTS = {
    component.name: component
    for component in (add, echo, flip_named, installs, measure, read_perhaps, tell, untagged)
}
