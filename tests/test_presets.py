"""What presets leave in compiled YAML, and what our own pipelines ask of a cluster."""

import re
from pathlib import Path

import pytest
import yaml
from google.protobuf import json_format
from kfp import compiler, dsl, kubernetes
from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineSpec, PlatformSpec

from holdfast import generate, presets
from holdfast.errors import InputError
from holdfast.images import FAMILIES, image

SIZE = {
    "small": ("250m", "1", "512Mi", "2Gi"),
    "medium": ("500m", "2", "1Gi", "4Gi"),
    "large": ("1", "4", "2Gi", "16Gi"),
}
# Steps that reach a store, a registry, a cluster or a receiver.
NETWORKED = {
    "check-endpoint",
    "decide-retraining",
    "deploy-model",
    "export-table",
    "fetch-artifact",
    "fetch-model",
    "ingest-table",
    "load-test-endpoint",
    "pause-promotion",
    "promote-model",
    "register-model",
    "report-version",
    "resolve-source",
    "roll-back-model",
    "send-alert",
    "shift-traffic",
    "tune-hyperparameters",
}


@dsl.component(base_image="python:3.11-slim", install_kfp_package=False)
def say(what: str) -> str:
    """Return what is given."""
    return what


def compile_(pipeline, folder: Path):
    """Return a pipeline's two documents, which must be what KFP reads."""
    path = folder / "pipeline.yaml"
    compiler.Compiler().compile(pipeline, str(path))
    first, *rest = yaml.safe_load_all(path.read_text())
    second = rest[0] if rest else {}
    json_format.ParseDict(first, PipelineSpec())
    json_format.ParseDict(second, PlatformSpec())
    return first, second


class Compiled:
    """One task `say`, compiled with presets, and what came of it."""

    def __init__(self, folder, *given, before=()):
        @dsl.pipeline(name="one")
        def one():
            """Say something."""
            task = say(what="it")
            for setting in before:
                setting(task)
            assert presets.apply(task, *given) is task

        self.first, second = compile_(one, folder)
        executors = second.get("platforms", {}).get("kubernetes", {})
        self.asked = executors.get("deploymentSpec", {}).get("executors", {}).get("exec-say", {})

    @property
    def resources(self):
        """Return what the container asks for."""
        executor = self.first["deploymentSpec"]["executors"]["exec-say"]
        return executor["container"].get("resources", {})

    @property
    def retry(self):
        """Return the retry policy."""
        return self.first["root"]["dag"]["tasks"]["say"].get("retryPolicy")


def sizes(resources):
    """Return requests and limits as SIZE has them."""
    ends = [f"resource{kind}{end}" for kind in ("Cpu", "Memory") for end in ("Request", "Limit")]
    return tuple(resources.get(end) for end in ends)


def variables(asked, kind):
    """Return the variables of a kind by name: where they come from, by which key."""
    name = kind.removesuffix("AsEnv") + "Name"
    return {
        pair["envVar"]: (entry[name], pair["secretKey" if "ecret" in kind else "configMapKey"])
        for entry in asked.get(kind, [])
        for pair in entry["keyToEnv"]
    }


@pytest.mark.parametrize("name", SIZE)
def test_a_size_sets_requests_and_limits(tmp_path, name):
    assert sizes(Compiled(tmp_path, getattr(presets, name)).resources) == SIZE[name]


def test_gpu_asks_for_one_and_tolerates_the_taint_of_such_nodes(tmp_path):
    compiled = Compiled(tmp_path, presets.gpu)
    accelerator = compiled.resources["accelerator"]
    assert accelerator["resourceType"] == accelerator["type"] == "nvidia.com/gpu"
    assert accelerator["resourceCount"] == "1"
    (taint,) = compiled.asked["tolerations"]
    assert taint == {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}


def test_of_two_presets_the_later_counts(tmp_path):
    more = presets.resources(memory=("512Mi", "9Gi"))
    resources = Compiled(tmp_path, presets.small, more).resources
    assert sizes(resources) == ("250m", "1", "512Mi", "9Gi")


def test_retry_waits_longer_each_time(tmp_path):
    assert Compiled(tmp_path, presets.retry(2)).retry == {
        "maxRetryCount": 2,
        "backoffDuration": "30s",
        "backoffFactor": 2.0,
        "backoffMaxDuration": "600s",
    }
    given = presets.retry(5, seconds=10, factor=3, most_seconds=60)
    policy = Compiled(tmp_path, given).retry
    assert (policy["maxRetryCount"], policy["backoffDuration"]) == (5, "10s")
    assert (policy["backoffFactor"], policy["backoffMaxDuration"]) == (3.0, "60s")


def test_timeout_nodes_and_tolerations_reach_the_pod(tmp_path):
    pool = presets.nodes({"pool": "ml", "disk": "ssd"})
    tainted = presets.toleration("team", "ml", effect="NoExecute")
    asked = Compiled(tmp_path, presets.timeout(3600), pool, tainted).asked
    assert asked["activeDeadlineSeconds"] == "3600"
    assert asked["nodeSelector"]["labels"] == {"pool": "ml", "disk": "ssd"}
    assert asked["tolerations"] == [
        {"key": "team", "operator": "Equal", "value": "ml", "effect": "NoExecute"}
    ]


def test_services_are_reached_by_optional_secrets_and_config_maps(tmp_path):
    given = ("object_store", "mlflow", "alerts", "endpoint", "study")
    asked = Compiled(tmp_path, *(getattr(presets, name) for name in given)).asked
    assert all(entry["optional"] for entry in asked["secretAsEnv"] + asked["configMapAsEnv"])
    assert variables(asked, "configMapAsEnv") == {
        "HOLDFAST_S3_ENDPOINT": ("holdfast", "s3-endpoint"),
        "MLFLOW_TRACKING_URI": ("holdfast", "mlflow-tracking-uri"),
    }
    secrets = variables(asked, "secretAsEnv")
    assert secrets["AWS_SECRET_ACCESS_KEY"] == ("mlpipeline-minio-artifact", "secretkey")
    assert secrets["MLFLOW_TRACKING_TOKEN"] == ("holdfast-mlflow", "token")
    assert secrets["SMTP_PASSWORD"] == ("holdfast-alerts", "smtp-password")
    assert secrets["HOLDFAST_ENDPOINT_TOKEN"] == ("holdfast-endpoint", "token")
    assert secrets["HOLDFAST_STUDY_STORAGE"] == ("holdfast-study", "url")


def test_a_preset_applied_twice_is_applied_once(tmp_path):
    given = (presets.object_store, presets.gpu, presets.nodes({"pool": "ml"}))
    assert Compiled(tmp_path, *given, *given).asked == Compiled(tmp_path, *given).asked


def test_a_variable_from_two_places_is_refused(tmp_path):
    other = presets.secret("other", {"key": "AWS_ACCESS_KEY_ID"})
    with pytest.raises(InputError, match=r"AWS_ACCESS_KEY_ID from one place.*minio.* and other"):
        Compiled(tmp_path, presets.object_store, other)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"memory": ("4Gi", "2Gi")}, "the request not above the limit"),
        ({"cpu": ("2", "500m")}, "the request not above the limit"),
        ({"memory": ("1000Mi", "1G")}, "the request not above the limit"),
        ({"memory": ("2 GB", "4 GB")}, "quantities such as 512Mi"),
        ({"cpu": ("1", "many")}, "quantities such as 500m"),
    ],
)
def test_what_no_cluster_would_take_is_refused_at_once(given, said):
    with pytest.raises(InputError, match=said):
        presets.resources(**given)


def test_a_pipeline_as_a_component_is_told_where_presets_belong():
    @dsl.pipeline(name="inner")
    def inner():
        """Say something."""
        say(what="it")

    with pytest.raises(InputError, match=r"inner, a pipeline .*presets\.defaults"):

        @dsl.pipeline(name="outer")
        def outer():
            """Call the inner one."""
            presets.apply(inner(), presets.small)


class TestDefaults:
    def test_reach_every_task_of_a_block_and_no_other(self, tmp_path):
        @dsl.pipeline(name="some")
        def some(what: str):
            """Say three things."""
            say(what="outside")
            with presets.defaults(presets.small, presets.retry(1), presets.object_store):
                first = say(what=what)
                with dsl.If(first.output == "it", name="it"):
                    say(what="within")

        first, second = compile_(some, tmp_path)
        executors = first["deploymentSpec"]["executors"]
        found = {
            name: sizes(each["container"].get("resources", {})) for name, each in executors.items()
        }
        assert found == {
            "exec-say": (None,) * 4,
            "exec-say-2": SIZE["small"],
            "exec-say-3": SIZE["small"],
        }
        tried = sorted(label for _, label, task in tasks_of(first) if "retryPolicy" in task)
        assert tried == ["exec-say-2", "exec-say-3"]
        asked = second["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
        assert sorted(asked) == ["exec-say-2", "exec-say-3"]

    def test_leave_alone_what_a_task_was_given(self, tmp_path):
        def given(task):
            task.set_memory_limit("256Mi")
            task.set_retry(7)
            kubernetes.set_timeout(task, 5)
            kubernetes.add_node_selector(task, "pool", "mine")
            kubernetes.use_secret_as_env(task, "mine", {"key": "AWS_ACCESS_KEY_ID"})

        all_of = (presets.small, presets.retry(1), presets.timeout(9), presets.object_store)

        @dsl.pipeline(name="own")
        @presets.defaults(*all_of, presets.nodes({"pool": "all", "disk": "ssd"}))
        def own():
            """Say something with settings of its own."""
            given(say(what="it"))

        first, second = compile_(own, tmp_path)
        (executor,) = first["deploymentSpec"]["executors"].values()
        # A request of 512Mi above the task's own limit would be refused by the cluster.
        assert sizes(executor["container"]["resources"]) == ("250m", "1", None, "256Mi")
        (task,) = first["root"]["dag"]["tasks"].values()
        assert task["retryPolicy"]["maxRetryCount"] == 7
        executors = second["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
        asked = executors["exec-say"]
        assert asked["activeDeadlineSeconds"] == "5"
        assert asked["nodeSelector"]["labels"] == {"pool": "mine", "disk": "ssd"}
        assert variables(asked, "secretAsEnv") == {
            "AWS_ACCESS_KEY_ID": ("mine", "key"),
            "AWS_SECRET_ACCESS_KEY": ("mlpipeline-minio-artifact", "secretkey"),
        }

    def test_of_nested_blocks_the_inner_one_counts(self, tmp_path):
        @dsl.pipeline(name="nested")
        @presets.defaults(presets.large, presets.retry(1))
        def nested():
            """Say something in two blocks."""
            with presets.defaults(presets.small):
                say(what="it")

        first, _ = compile_(nested, tmp_path)
        (executor,) = first["deploymentSpec"]["executors"].values()
        assert sizes(executor["container"]["resources"]) == SIZE["small"]
        (task,) = first["root"]["dag"]["tasks"].values()
        assert task["retryPolicy"]["maxRetryCount"] == 1

    def test_keep_signature_and_description_of_the_pipeline(self, tmp_path):
        @dsl.pipeline(name="described")
        @presets.defaults(presets.small)
        def described(rows: int = 3):
            """Say it.

            Args:
                rows: How many.
            """
            say(what="it")

        first, _ = compile_(described, tmp_path)
        assert first["pipelineInfo"]["description"] == "Say it."
        rows = first["root"]["inputDefinitions"]["parameters"]["rows"]
        assert (rows["defaultValue"], rows["description"]) == (3.0, "How many.")

    def test_outside_a_pipeline_are_refused(self):
        with pytest.raises(InputError, match="no pipeline"), presets.defaults(presets.small):
            pass


def test_sized_gives_each_component_of_ours_a_size_and_no_other_image(tmp_path):
    @dsl.component(base_image=image("data"), install_kfp_package=False)
    def ours():
        """Do nothing."""

    @dsl.component(base_image=image("training"), install_kfp_package=False)
    def check_verdict():
        """Do nothing, under a known name."""

    @dsl.pipeline(name="three")
    @presets.defaults(presets.sized)
    def three():
        """Make a task of each."""
        ours()
        check_verdict()
        say(what="it")

    first, _ = compile_(three, tmp_path)
    executors = first["deploymentSpec"]["executors"]
    assert sizes(executors["exec-ours"]["container"]["resources"]) == SIZE["small"]
    assert sizes(executors["exec-check-verdict"]["container"]["resources"]) == SIZE["small"]
    assert "resources" not in executors["exec-say"]["container"]


@pytest.mark.parametrize("family", FAMILIES)
def test_sized_knows_every_family(tmp_path, family):
    @dsl.component(base_image=image(family), install_kfp_package=False)
    def ours():
        """Do nothing."""

    @dsl.pipeline(name="one")
    @presets.defaults(presets.sized)
    def one():
        """Do nothing."""
        ours()

    first, _ = compile_(one, tmp_path)
    (executor,) = first["deploymentSpec"]["executors"].values()
    assert sizes(executor["container"]["resources"]) in SIZE.values()


PIPELINES = generate.pipelines()


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """Return our pipelines, compiled anew, by name."""
    folder = tmp_path_factory.mktemp("compiled")
    return {name: compile_(pipeline, folder) for name, pipeline in PIPELINES.items()}


def tasks_of(first):
    """Yield every task with a container: its component, its executor's label, and the task."""
    components = first["components"]
    dags = [first["root"]["dag"], *(c["dag"] for c in components.values() if "dag" in c)]
    for dag in dags:
        for task in dag["tasks"].values():
            component = components[task["componentRef"]["name"]]
            if "executorLabel" in component:
                label = component["executorLabel"]
                yield re.sub(r"(-\d+)+$", "", label.removeprefix("exec-")), label, task


@pytest.mark.parametrize("name", PIPELINES)
class TestOurPipelines:
    def test_every_step_says_what_it_needs(self, compiled, name):
        first, _ = compiled[name]
        lacking = [
            label
            for label, executor in first["deploymentSpec"]["executors"].items()
            if sizes(executor["container"].get("resources", {})) not in SIZE.values()
        ]
        assert lacking == []

    def test_steps_that_reach_a_network_and_no_others_are_tried_again(self, compiled, name):
        first, _ = compiled[name]
        for component, _label, task in tasks_of(first):
            assert ("retryPolicy" in task) == (component in NETWORKED), component

    def test_only_steps_that_reach_a_network_get_secrets(self, compiled, name):
        first, second = compiled[name]
        asked = second["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
        served = {component for component, label, _ in tasks_of(first) if label in asked}
        assert served <= NETWORKED

    def test_every_label_of_the_second_document_is_one_of_the_first(self, compiled, name):
        first, second = compiled[name]
        asked = second["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
        assert set(asked) <= set(first["deploymentSpec"]["executors"])


def test_a_rollback_that_is_tried_again_is_done_once(compiled):
    keys = {
        name: [
            task["inputs"]["parameters"]["key"]
            for component, _label, task in tasks_of(first)
            if component == "roll-back-model"
        ]
        for name, (first, _) in compiled.items()
    }
    of_the_run = {"runtimeValue": {"constant": "{{$.pipeline_job_uuid}}"}}
    assert keys["deployment"] == keys["rollback"] == [of_the_run]
    (of_the_window,) = keys["escalation"]
    assert of_the_window == {"componentInputParameter": "pipelinechannel--resolve-window-interval"}
