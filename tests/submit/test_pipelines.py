"""Pipelines and their versions, uploaded as far as they are not there."""

import threading

import pytest

from holdfast import ir
from holdfast.errors import InputError
from holdfast.submit import pipelines
from tests.services.kfp_server import Fault


@pytest.fixture
def upload(compiled):
    return pipelines.upload_of(ir.read(compiled))


def versions(kfp):
    return kfp.objects["pipeline_versions"]


def test_a_new_pipeline_is_uploaded_with_its_yaml(kfp, reached, upload):
    uploaded = pipelines.ensure(reached, upload)
    (pipeline,), (version,) = kfp.objects["pipelines"], versions(kfp)
    assert uploaded.made == ("pipeline", "version")
    assert (uploaded.pipeline_id, uploaded.version_id) == (
        pipeline.pipeline_id,
        version.pipeline_version_id,
    )
    assert (pipeline.name, version.name) == ("small", f"small-{upload.digest[:12]}")
    assert f"sha256: {upload.digest}" in version.description
    assert version.pipeline_spec["pipelineInfo"]["name"] == "small"


def test_a_second_upload_of_the_same_yaml_sends_nothing(kfp, reached, upload):
    first = pipelines.ensure(reached, upload)
    kfp.calls.clear()
    second = pipelines.ensure(reached, upload)
    assert (second.made, second.version_id) == ((), first.version_id)
    assert {method for method, _ in kfp.calls} == {"GET"}


def test_another_yaml_is_another_version_and_going_back_finds_the_first(
    kfp, reached, upload, changed
):
    first = pipelines.ensure(reached, upload)
    second = pipelines.ensure(reached, pipelines.upload_of(ir.read(changed)))
    assert (second.made, second.pipeline_id) == (("version",), first.pipeline_id)
    assert pipelines.ensure(reached, upload).version_id == first.version_id
    assert len(versions(kfp)) == 2


def test_line_ends_make_no_new_version(upload, compiled, tmp_path):
    windows = tmp_path / "small.yaml"
    windows.write_bytes(compiled.read_bytes().replace(b"\n", b"\r\n"))
    assert pipelines.upload_of(ir.read(windows)).digest == upload.digest


def test_both_documents_of_a_file_are_uploaded(kfp, reached):
    from holdfast.local import files

    pipelines.ensure(reached, pipelines.upload_of(ir.read(files.compiled("pipelines")["training"])))
    assert set(versions(kfp)[0].pipeline_spec) == {"pipeline_spec", "platform_spec"}


def test_an_upload_that_was_cut_off_is_finished_by_the_next_call(kfp, reached, upload):
    kfp.faults.append(Fault("POST", "/pipelines/upload_version", 400, b"{}"))
    with pytest.raises(InputError, match="HTTP 400"):
        pipelines.ensure(reached, upload)
    assert (len(kfp.objects["pipelines"]), len(versions(kfp))) == (1, 0)
    assert pipelines.ensure(reached, upload).made == ("version",)


@pytest.mark.parametrize("path", ["/pipelines", "/pipelines/upload_version"])
@pytest.mark.parametrize("lost", [{"after": True}, {"status": 503}, {"status": 500, "after": True}])
def test_a_lost_answer_uploads_nothing_twice(kfp, reached, upload, path, lost):
    kfp.faults.append(Fault("POST", path, **lost))
    pipelines.ensure(reached, upload)
    assert (len(kfp.objects["pipelines"]), len(versions(kfp))) == (1, 1)


def test_several_at_once_share_one_upload(kfp, reached, upload):
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(pipelines.ensure(reached, upload)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len({each.version_id for each in found}) == 1
    assert (len(kfp.objects["pipelines"]), len(versions(kfp))) == (1, 1)


def test_a_name_that_differs_in_case_alone_is_refused(kfp, reached, upload):
    kfp.add("pipelines", name="Small", display_name="Small")
    with pytest.raises(InputError, match=r"more than case\. Found: 'small' beside KFP's 'Small'"):
        pipelines.ensure(reached, upload)
    assert len(kfp.objects["pipelines"]) == 1


def test_a_version_of_the_name_that_somebody_else_made_is_not_taken_for_ours(kfp, reached, upload):
    kfp.add_pipeline("small", {}, upload.version)
    with pytest.raises(InputError, match="Found: another description"):
        pipelines.ensure(reached, upload)


def test_a_namespace_has_pipelines_of_its_own(kfp, upload):
    from holdfast.kubeflow.api import Access
    from tests.submit.conftest import QUICK

    for namespace in ("team", "other"):
        pipelines.ensure(Access(kfp.url, namespace=namespace, patience=QUICK), upload)
    assert sorted(p.namespace for p in kfp.objects["pipelines"]) == ["other", "team"]


def test_an_upload_that_is_refused_says_what_kfp_says(kfp, reached, upload):
    body = b'{"error_message": "Name is too long", "error_details": "stack"}'
    kfp.faults.append(Fault("POST", "/pipelines/upload_version", 400, body))
    with pytest.raises(InputError, match="HTTP 400: Name is too long"):
        pipelines.ensure(reached, upload)


def test_a_pipeline_that_takes_artifacts_cannot_be_submitted():
    from holdfast.local import files

    with pytest.raises(InputError, match="must take parameters alone"):
        pipelines.upload_of(ir.read(files.compiled("components")["split_table"]))


@pytest.mark.parametrize("name", ["", "f\\u00fcr", "n" * 101, "-x"])
def test_a_name_that_kfp_would_not_take_is_refused(compiled, tmp_path, name):
    file = tmp_path / "p.yaml"
    file.write_text(compiled.read_text().replace("name: small", f'name: "{name}"'))
    with pytest.raises(InputError, match="must have a name"):
        pipelines.upload_of(ir.read(file))
