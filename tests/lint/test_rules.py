"""Each rule on a file that is without fault save for one thing."""

import json

import pytest
import yaml

from tests.lint import files
from tests.lint.files import changed, documents, found, place

LOAD = "root/dag/tasks/load"
TRAIN = "root/dag/tasks/train"
CONTAINER = "deploymentSpec/executors/exec-load/container"
KUBERNETES = "platforms/kubernetes/deploymentSpec/executors/exec-load"
PARAMETERS = "components/comp-load/inputDefinitions/parameters"


def test_a_file_without_fault_has_no_findings(tmp_path):
    assert found(tmp_path, files.PIPELINE, files.PLATFORM) == []


# What is changed where, and what is found then.
CHANGES = {
    "a task runs a component that is not there": (LOAD, {"componentRef": {"name": "comp-x"}}),
    "an executor that is not there": ("components/comp-load", {"executorLabel": "exec-x"}),
    "a task waits for one that is not there": (TRAIN, {"dependentTasks": ["fetch"]}),
    "tasks wait for one another": (LOAD, {"dependentTasks": ["train"]}),
    "an output that is not there": (
        f"{TRAIN}/inputs/artifacts/table/taskOutputArtifact",
        {"outputArtifactKey": "rows"},
    ),
    "an output of a task that is not there": (
        f"{TRAIN}/inputs/artifacts/table/taskOutputArtifact",
        {"producerTask": "fetch"},
    ),
    "an input of the pipeline that is not there": (
        f"{LOAD}/inputs/parameters/uri",
        {"componentInputParameter": "address"},
    ),
    "an output of the pipeline that no task gives": (
        "root/dag",
        {"outputs": {"parameters": {"Output": {"valueFromParameter": {
            "producerSubtask": "train", "outputParameterKey": "Output"}}}}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("path, values", CHANGES.values(), ids=CHANGES)
def test_a_name_of_what_is_not_there_is_an_error(tmp_path, path, values):
    assert "HF104 error" in found(tmp_path, *changed(path, **values))


def test_an_input_that_a_component_needs_is_missed(tmp_path):
    pipeline, platform = documents()
    del place(pipeline, f"{LOAD}/inputs/parameters")["uri"]
    assert found(tmp_path, pipeline, platform) == ["HF105 warning", "HF703 note"]


def test_configuration_of_an_executor_that_is_not_there_is_ignored(tmp_path):
    pipeline, platform = documents()
    executors = place(platform, "platforms/kubernetes/deploymentSpec/executors")
    executors["exec-fetch"] = {"nodeSelector": {"labels": {"pool": "gpu"}}}
    assert found(tmp_path, pipeline, platform) == ["HF106 warning"]


def test_an_argument_is_shorter_than_128_kib(tmp_path):
    fits = changed(CONTAINER, command=["python3", "-c", "#" * 120_000])
    assert found(tmp_path, *fits) == []
    assert found(tmp_path, *changed(CONTAINER, command=["sh", "#" * 131_072])) == ["HF108 error"]
    whole = changed(CONTAINER, command=["sh", "#" * 70_000, "#" * 70_000])
    assert found(tmp_path, *whole) == ["HF108 warning"]


def test_letters_beyond_ascii_are_found_behind_escapes_and_not_in_comments(tmp_path):
    escaped = files.PIPELINE.replace("Loads a table and trains.", '"Loads \\u2014 trains"')
    assert found(tmp_path, escaped, files.PLATFORM) == ["HF109 warning"]
    assert found(tmp_path, "# Description: \u2014\n" + files.PIPELINE, files.PLATFORM) == []


@pytest.mark.parametrize("name", ["y", "n", "Y", "N", "on", "Off", "yes", "no"])
def test_a_name_that_yaml_reads_as_a_boolean_is_an_error(tmp_path, name):
    pipeline = files.PIPELINE.replace("        rows:", f"        {name}:")
    assert "HF110 error" in found(tmp_path, pipeline, files.PLATFORM)
    quoted = files.PIPELINE.replace("        rows:", f"        '{name}':")
    assert found(tmp_path, quoted, files.PLATFORM) == []


def test_a_value_that_the_server_reads_as_a_boolean_is_an_error(tmp_path):
    # PyYAML, and so kfp, writes y without quotes.
    changes = changed(f"{PARAMETERS}/uri", defaultValue="y")
    assert "defaultValue: y\n" in yaml.safe_dump(changes[0])
    assert found(tmp_path, *changes) == ["HF110 error"]


def test_a_pipeline_has_a_name_that_kubernetes_takes(tmp_path):
    assert found(tmp_path, *changed("pipelineInfo", name="My Pipeline")) == ["HF111 warning"]
    assert found(tmp_path, *changed("pipelineInfo", name=None)) == ["HF111 error"]


def test_a_key_that_is_given_twice_is_found(tmp_path):
    twice = files.PIPELINE.replace("  name: clean\n", "  name: clean\n  name: other\n")
    assert found(tmp_path, twice, files.PLATFORM) == ["HF112 warning"]


SCRIPT = ["sh", "-c"]
KFP = (
    '\nif ! [ -x "$(command -v pip)" ]; then\n    python3 -m ensurepip || python3 -m ensurepip '
    "--user || apt-get install python3-pip\nfi\n"
)


@pytest.mark.parametrize(
    "command, packages",
    [
        ([*SCRIPT, f"{KFP}python3 -m pip install -q 'kfp==2.17.0' '--no-deps'"], "kfp==2.17.0"),
        ([*SCRIPT, "pip install 'pandas' 'numpy==2.0'"], "pandas, numpy==2.0 (pandas in any"),
        (["bash", "-ec", "apt-get -y install git"], "packages"),
        (["pip", "install", "pandas"], "packages"),
        ([*SCRIPT, "uv pip install 'x @ https://user:hunter22@host/x.whl'"], "x at"),
    ],
)  # fmt: skip
def test_packages_that_are_installed_at_every_start_are_named(tmp_path, command, packages):
    file = files.write(tmp_path, *changed(CONTAINER, command=command))
    finding = next(f for f in files.findings(file) if f.rule == "HF201")
    assert packages in finding.message
    assert "hunter22" not in finding.message


@pytest.mark.parametrize(
    "command",
    [
        [*SCRIPT, KFP],
        [*SCRIPT, "# pip install pandas\npython3 -m train"],
        ["python3", "-m", "load", "--help=pip install pandas first"],
        [*SCRIPT, 'exec "$0" "$@"', "sh", "-ec", 'python3 "$0"', "def f():\n    'pip install x'\n"],
    ],
)
def test_what_only_speaks_of_installing_installs_nothing(tmp_path, command):
    assert found(tmp_path, *changed(CONTAINER, command=command)) == []


@pytest.mark.parametrize(
    "image, expected",
    [
        ("python", ["HF202 warning"]),
        ("python:latest", ["HF202 warning"]),
        ("localhost:5000/tool", ["HF202 warning"]),
        ("localhost:5000/tool:main", ["HF203 note"]),
        ("localhost:5000/tool:1.0", []),
        ("python:3.11-slim", []),
        ("gcr.io/team/tool:a1b2c3d", []),
        ("tool@sha256:abc", []),
        ("tool:latest@sha256:abc", []),
        ("{{$.inputs.parameters['image']}}", []),
        ("", ["HF202 error"]),
    ],
)
def test_an_image_names_what_it_is(tmp_path, image, expected):
    assert found(tmp_path, *changed(CONTAINER, image=image)) == expected


def test_a_step_asks_for_what_it_needs(tmp_path):
    assert found(tmp_path, *changed(CONTAINER, resources=None)) == ["HF204 warning"]
    gpu = {"accelerator": {"resourceType": "nvidia.com/gpu", "resourceCount": "1"}}
    assert found(tmp_path, *changed(CONTAINER, resources=gpu)) == ["HF204 warning"]
    cpu = {"resourceCpuLimit": "{{$.inputs.parameters['cpu']}}"}
    assert found(tmp_path, *changed(CONTAINER, resources=cpu)) == ["HF204 note"]


def test_a_component_that_hands_its_resources_on_needs_none(tmp_path):
    pipeline, platform = changed(CONTAINER, resources=None)
    passed = [{"field": "RESOURCES", "applyToTask": False}]
    pipeline["components"]["comp-load"]["taskConfigPassthroughs"] = passed
    assert found(tmp_path, pipeline, platform) == []


def test_a_step_that_reaches_a_network_is_tried_again(tmp_path):
    def reason(pipeline, platform):
        file = files.write(tmp_path, pipeline, platform)
        (finding,) = files.findings(file)
        assert (finding.rule, finding.severity) == ("HF205", "note")
        return finding.message

    pipeline, platform = changed(LOAD, retryPolicy=None)
    assert "has a secret in its environment" in reason(pipeline, platform)
    assert "has an input `uri`" in reason(pipeline, {})
    code = ["python3", "-c", "import os\nfrom google.cloud import storage\n"]
    train = changed("deploymentSpec/executors/exec-train/container", command=code)
    assert "imports google.cloud" in reason(*train)


def test_a_step_is_tried_again_after_a_pause(tmp_path):
    policy = {"maxRetryCount": 3, "backoffDuration": "0s", "backoffFactor": 2.0}
    assert found(tmp_path, *changed(LOAD, retryPolicy=policy)) == ["HF206 note"]


@pytest.mark.parametrize(
    "resources, below",
    [
        ({"resourceMemoryRequest": "2Gi", "resourceMemoryLimit": "2G"}, True),
        ({"resourceMemoryRequest": "2G", "resourceMemoryLimit": "2Gi"}, False),
        ({"memoryRequest": 2.0, "memoryLimit": 1.5}, True),
        ({"resourceCpuRequest": "1500m", "resourceCpuLimit": "1", "memoryLimit": 1.0}, True),
        ({"resourceMemoryRequest": "2Gi", "resourceMemoryLimit": "{{$.inputs}}"}, False),
    ],
)
def test_a_limit_is_no_lower_than_the_request(tmp_path, resources, below):
    expected = ["HF208 error"] * below
    assert found(tmp_path, *changed(CONTAINER, resources=resources)) == expected


def test_volumes_are_mounted_at_paths_of_their_own(tmp_path):
    mounts = {
        "pvcMount": [{"mountPath": "/data", "constant": "a"}],
        "emptyDirMounts": [{"volumeName": "b", "mountPath": "/data/"}],
    }
    assert found(tmp_path, *changed(KUBERNETES, **mounts)) == ["HF209 error"]
    mounts["emptyDirMounts"][0]["mountPath"] = "/data/b"
    assert found(tmp_path, *changed(KUBERNETES, **mounts)) == []


def test_a_variable_is_set_once(tmp_path):
    twice = [{"name": "STORE_PASSWORD", "value": ""}]
    assert found(tmp_path, *changed(CONTAINER, env=twice)) == ["HF210 warning"]


def test_a_variable_of_argo_is_found_and_one_of_kfp_is_not(tmp_path):
    argo = changed(CONTAINER, args=["{{workflow.status}}"])
    assert found(tmp_path, *argo) == ["HF211 warning"]
    kfp = changed(CONTAINER, args=["{{$.inputs.parameters['uri']}}", "{{$.pipeline_job_name}}"])
    assert found(tmp_path, *kfp) == []


def test_a_loop_over_many_items_has_a_limit(tmp_path):
    def loop(items, **more):
        iterator = {"itemInput": "rows", "items": {"raw": items}}
        pipeline, platform = changed(LOAD, parameterIterator=iterator, **more)
        return found(tmp_path, pipeline, platform)

    assert loop(json.dumps(list(range(30)))) == ["HF212 note"]
    assert loop(json.dumps(list(range(30))), iteratorPolicy={"parallelismLimit": 5}) == []
    assert loop(json.dumps(list(range(29)))) == []
    assert loop("{{$.inputs.parameters['rows']}}") == []


def test_a_components_own_yaml_says_nothing_of_tasks(tmp_path):
    pipeline, _ = documents()
    tasks = place(pipeline, "root/dag/tasks")
    del tasks["train"], tasks["load"]["retryPolicy"]
    del pipeline["pipelineInfo"]["description"]
    del place(pipeline, CONTAINER)["resources"]
    expected = ["HF204 warning", "HF205 note", "HF701 note"]
    assert sorted(found(tmp_path, pipeline)) == expected
    pipeline["pipelineInfo"]["name"] = "load"
    assert found(tmp_path, pipeline) == []


def without_fingerprint(value=None, **more):
    """Return the documents where load is cached by its address alone."""
    pipeline, platform = documents()
    place(pipeline, PARAMETERS).pop("fingerprint")
    parameters = place(pipeline, f"{LOAD}/inputs/parameters")
    parameters.pop("fingerprint")
    place(pipeline, "root/inputDefinitions/parameters").pop("fingerprint")
    if value is not None:
        place(pipeline, "root/inputDefinitions/parameters/uri")["defaultValue"] = value
    place(pipeline, LOAD).update(more)
    return pipeline, platform


@pytest.mark.parametrize(
    "value, expected",
    [
        ("s3://bucket/table.csv", ["HF501 warning"]),
        ("https://host/table.csv", ["HF501 warning"]),
        (None, ["HF501 note"]),
        ("/data/table.csv", []),
        ("s3://bucket/table.csv?versionId=abc", []),
        ("https://host/0123456789abcdef0123456789abcdef/table.csv", []),
    ],
)
def test_a_cached_step_knows_the_state_of_what_it_reads(tmp_path, value, expected):
    assert found(tmp_path, *without_fingerprint(value)) == expected


def test_a_step_that_is_not_cached_may_read_what_it_likes(tmp_path):
    assert found(tmp_path, *without_fingerprint("s3://b/k", cachingOptions={})) == []


def exit_task(**more):
    """Return a pipeline with an exit task, as dsl.ExitHandler compiles it."""
    pipeline, platform = documents()
    tasks = place(pipeline, "root/dag/tasks")
    pipeline["components"]["comp-exit-handler-1"] = {"dag": {"tasks": {"load": tasks.pop("load")}}}
    inner = pipeline["components"]["comp-exit-handler-1"]
    inner["inputDefinitions"] = {
        "parameters": {n: {"parameterType": "STRING"} for n in ("fingerprint", "uri")}
    }
    inputs = {n: {"componentInputParameter": n} for n in ("fingerprint", "uri")}
    tasks["exit-handler-1"] = {
        "componentRef": {"name": "comp-exit-handler-1"},
        "inputs": {"parameters": inputs},
    }
    pipeline["components"]["comp-train"]["inputDefinitions"] = {}
    tasks["train"] |= {
        "dependentTasks": ["exit-handler-1"],
        "triggerPolicy": {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"},
        "inputs": {},
        **more,
    }
    return pipeline, platform


def test_an_exit_task_is_not_cached_unless_it_is_given_the_status(tmp_path):
    assert found(tmp_path, *exit_task()) == ["HF503 warning"]
    assert found(tmp_path, *exit_task(cachingOptions={})) == []
    pipeline, platform = exit_task(
        inputs={"parameters": {"status": {"taskFinalStatus": {"producerTask": "exit-handler-1"}}}}
    )
    status = {"status": {"parameterType": "TASK_FINAL_STATUS", "isOptional": True}}
    pipeline["components"]["comp-train"]["inputDefinitions"] = {"parameters": status}
    assert found(tmp_path, pipeline, platform) == []


def volume(name, suffix=None, **more):
    """Return a pipeline that makes and deletes a volume, as kfp-kubernetes compiles it."""
    pipeline, platform = documents()
    optional = {"parameterType": "STRING", "isOptional": True}
    for kind, task in (("createpvc", "make"), ("deletepvc", "remove")):
        pipeline["components"][f"comp-{kind}"] = {
            "executorLabel": f"exec-{kind}",
            "inputDefinitions": {
                "parameters": {"pvc_name": {**optional}, "pvc_name_suffix": {**optional}}
            },
        }
        pipeline["deploymentSpec"]["executors"][f"exec-{kind}"] = {
            "container": {"image": f"argostub/{kind}"}
        }
        given = {"pvc_name": name, "pvc_name_suffix": suffix}
        place(pipeline, "root/dag/tasks")[task] = {
            "componentRef": {"name": f"comp-{kind}"},
            "cachingOptions": {"enableCache": True},
            "inputs": {
                "parameters": {
                    key: {"runtimeValue": {"constant": value}}
                    for key, value in given.items()
                    if value is not None
                }
            },
            **more,
        }
    return pipeline, platform


def test_a_volume_of_one_name_is_not_cached(tmp_path):
    assert found(tmp_path, *volume("data")) == ["HF504 warning"]
    assert found(tmp_path, *volume("data", cachingOptions={})) == []
    assert found(tmp_path, *volume(None, "-data")) == []


def test_a_volume_has_a_name(tmp_path):
    assert found(tmp_path, *volume("")) == ["HF505 error"]
    assert found(tmp_path, *volume(None)) == ["HF505 error"]
    mount = {"pvcMount": [{"mountPath": "/data", "constant": ""}]}
    assert found(tmp_path, *changed(KUBERNETES, **mount)) == ["HF505 error"]


def test_a_long_name_and_a_volume_need_a_new_server(tmp_path):
    pipeline, platform = volume(None, "-data")
    pipeline["pipelineInfo"]["name"] = "a-name-of-twenty-three-x"
    assert found(tmp_path, pipeline, platform) == ["HF506 note"]


def test_a_pipeline_and_its_parameters_are_described_and_used(tmp_path):
    assert found(tmp_path, *changed("pipelineInfo", description=None)) == ["HF701 note"]
    bare = changed("root/inputDefinitions/parameters/uri", description=None)
    assert found(tmp_path, *bare) == ["HF702 note"]
    unused = {"parameterType": "STRING", "description": "Of no use."}
    more = changed("root/inputDefinitions/parameters", spare=unused)
    assert found(tmp_path, *more) == ["HF703 note"]


def test_a_table_contract_that_does_not_fit_is_found(tmp_path):
    pipeline, platform = documents()
    output = place(pipeline, "components/comp-load/outputDefinitions/artifacts/table")
    output["description"] = "The table. Gives: {target: price}"
    table = place(pipeline, "components/comp-train/inputDefinitions/artifacts/table")
    table["description"] = "The table. Needs: {target: cost}"
    assert found(tmp_path, pipeline, platform) == ["HF403 error"]


def test_json_is_yaml(tmp_path):
    assert found(tmp_path, json.dumps(documents()[0])) == []
