"""deploy_model: what is applied, what is waited for, and the way back."""

import json
import os
import signal
import threading
from dataclasses import replace

import pytest

from holdfast.deployment.cluster import Tries, connect
from holdfast.deployment.deploy_model import logic
from holdfast.deployment.deploy_model.manifest import manifest
from holdfast.deployment.deploy_model.storage import Source, readable
from holdfast.deployment.inference_service import InferenceService
from holdfast.deployment.services import InferenceServices
from holdfast.deployment.waiting import Patience
from holdfast.errors import GateError, InputError, MachineError
from tests.deployment import clusters
from tests.deployment.apiserver import Fault

ONE = Source("houses", 1, "run1", "s3://mlflow/1/models/m-1/artifacts")
TWO = Source("houses", 2, "run2", "s3://mlflow/1/models/m-2/artifacts")
REQUEST = logic.Request("houses", "localhost/holdfast-serving:0.1.0")
QUICK = Patience(seconds=20, settle=3, pause=0.05)
SOON = Patience(seconds=2.0, settle=0.2, pause=0.05)
TRIES = Tries(3, 0.01)


def deploy(request=REQUEST, source=ONE, patience=QUICK, say=lambda _: None, **options):
    return logic.deploy(
        request, source, logic.Options(patience=patience, tries=TRIES, **options), say
    )


def when_it_waits(act):
    """Return what hears a deployment's progress, and acts soon after it begins to wait."""
    begun = []

    def say(line):
        if "waiting for Ready" in line and not begun:
            begun.append(line)
            threading.Timer(0.3, act).start()

    return say


def fields(deployment):
    return {change.field for change in deployment.changes}


def codes(deployment):
    return [reason.code for reason in deployment.verdict.reasons]


class TestWhatItApplies:
    def test_a_new_service_is_created_and_its_address_told(self, cluster):
        cluster.kserve.url = "http://houses.models.example.com/v1/models/houses:predict"
        done = deploy()
        assert (done.action, done.verdict.decision) == ("created", "pass")
        assert done.url == "http://houses.models.example.com"
        assert done.revision == "houses-predictor-00001"
        assert done.service.traffic == {"houses-predictor-00001": 100}

    def test_the_container_is_what_kserve_expects_of_a_custom_one(self, cluster):
        deploy(replace(REQUEST, pods=logic.Pods(service_account="holdfast-models")))
        predictor = cluster.get("houses")["spec"]["predictor"]
        container = predictor["containers"][0]
        assert container["name"] == "kserve-container"
        assert {"name": "STORAGE_URI", "value": ONE.storage_uri} in container["env"]
        assert container["args"] == [
            "--model-dir", "/mnt/models", "--model-name", "houses", "--model-version", "1",
            "--port", "8080",
        ]  # fmt: skip
        assert container["readinessProbe"]["httpGet"] == {"path": "/v2/health/ready", "port": 8080}
        assert predictor["serviceAccountName"] == "holdfast-models"
        assert "canaryTrafficPercent" not in predictor

    def test_its_pods_have_no_privileges(self, cluster):
        deploy()
        predictor = cluster.get("houses")["spec"]["predictor"]
        assert predictor["containers"][0]["securityContext"] == {
            "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True, "runAsNonRoot": True, "runAsUser": 1000,
            "seccompProfile": {"type": "RuntimeDefault"},
        }  # fmt: skip
        assert predictor["volumes"] == [{"name": "tmp", "emptyDir": {}}]

    def test_user_0_leaves_the_uid_to_the_cluster(self, cluster):
        deploy(replace(REQUEST, pods=logic.Pods(user=0)))
        container = cluster.get("houses")["spec"]["predictor"]["containers"][0]
        assert "runAsUser" not in container["securityContext"]

    def test_it_says_what_it_serves(self, cluster):
        deploy(replace(REQUEST, labels={"team": "a"}, annotations={"example.com/why": "because"}))
        about = cluster.get("houses")["metadata"]
        assert about["labels"] == {"team": "a", "app.kubernetes.io/managed-by": "holdfast"}
        assert about["annotations"]["holdfast/model-name"] == "houses"
        assert about["annotations"]["holdfast/model-version"] == "1"
        assert about["annotations"]["holdfast/mlflow-run"] == "run1"
        assert about["annotations"]["example.com/why"] == "because"

    def test_a_second_call_changes_nothing(self, cluster):
        deploy()
        before = cluster.get("houses")["metadata"]
        done = deploy()
        after = cluster.get("houses")["metadata"]
        assert (done.action, done.verdict.decision) == ("unchanged", "pass")
        assert before["resourceVersion"] == after["resourceVersion"]

    def test_another_version_is_an_update_of_what_differs(self, cluster):
        deploy()
        done = deploy(source=TWO)
        assert (done.action, done.verdict.decision) == ("updated", "pass")
        container = "spec.predictor.containers[kserve-container]"
        assert fields(done) == {
            "metadata.annotations.holdfast/model-version",
            "metadata.annotations.holdfast/mlflow-run",
            f"{container}.env[STORAGE_URI].value",
            f"{container}.args[5]",
        }
        assert done.revision == "houses-predictor-00002"

    def test_what_is_no_longer_wished_is_taken_away(self, cluster):
        deploy(replace(REQUEST, labels={"team": "a"}))
        deploy()
        assert "team" not in cluster.get("houses")["metadata"]["labels"]

    def test_a_canary_gets_its_share_and_an_address_of_its_own(self, cluster):
        cluster.kserve.canary_url = "http://latest-houses.example.com"
        deploy()
        done = deploy(replace(REQUEST, canary_traffic_percent=10), TWO)
        assert done.verdict.decision == "pass"
        assert done.service.traffic == {"houses-predictor-00001": 90, "houses-predictor-00002": 10}
        assert done.canary_url == "http://latest-houses.example.com"

    def test_a_canary_never_gets_more_while_its_successor_gets_ready(self, cluster):
        """Knative would give it all of the traffic, as the newest revision that is ready."""
        deploy()
        deploy(replace(REQUEST, canary_traffic_percent=10), TWO)
        done = deploy()
        assert done.verdict.decision == "pass"
        assert done.service.traffic == {"houses-predictor-00003": 100}
        assert max(t.get("houses-predictor-00002", 0) for t in cluster.kserve.history) == 10

    def test_a_canary_s_share_can_be_set_without_a_new_revision(self, cluster):
        deploy()
        deploy(replace(REQUEST, canary_traffic_percent=10), TWO)
        done = deploy(replace(REQUEST, canary_traffic_percent=40), TWO)
        assert fields(done) == {"spec.predictor.canaryTrafficPercent"}
        assert done.service.traffic == {"houses-predictor-00001": 60, "houses-predictor-00002": 40}

    @pytest.mark.parametrize("dry_run", [False, True])
    def test_what_is_rolled_out_keeps_its_traffic(self, cluster, dry_run):
        """As where the same run is started again: a share is for what is to be tried first."""
        cluster.kserve.canary_url = "http://latest-houses.example.com"
        deploy()
        deploy(source=TWO)
        before, begun, lines = cluster.get("houses"), len(cluster.kserve.history), []
        share = replace(REQUEST, canary_traffic_percent=0)
        done = deploy(share, TWO, say=lines.append, dry_run=dry_run)
        assert (done.action, done.verdict.decision) == ("unchanged", "pass")
        assert "houses is rolled out like this already: it keeps all of the traffic" in lines
        assert done.canary_url == "http://latest-houses.example.com"
        assert cluster.get("houses")["spec"] == before["spec"]
        assert done.service.traffic == {"houses-predictor-00002": 100}
        assert all(t == {"houses-predictor-00002": 100} for t in cluster.kserve.history[begun:])

    def test_other_settings_of_what_is_rolled_out_are_tried_with_their_share(self, cluster):
        deploy()
        more = replace(REQUEST, canary_traffic_percent=0, pods=logic.Pods(replicas=[2, 3]))
        done = deploy(more)
        assert done.action == "updated"
        assert done.service.traffic == {"houses-predictor-00001": 100, "houses-predictor-00002": 0}

    def test_a_dry_run_tells_what_would_change_and_changes_nothing(self, cluster):
        deploy()
        before = cluster.get("houses")
        done = deploy(source=TWO, dry_run=True)
        assert done.action == "updated"
        assert "metadata.annotations.holdfast/model-version" in fields(done)
        assert cluster.get("houses") == before

    def test_a_dry_run_of_a_new_service_makes_none(self, cluster):
        assert deploy(dry_run=True).action == "created"
        assert cluster.get("houses") is None


class TestOtherManagers:
    def test_a_field_of_another_manager_is_not_taken(self, cluster):
        deploy()
        cluster.edit("houses", {"maxReplicas": 7}, "autoscaling-team")
        with pytest.raises(InputError, match=r"autoscaling-team(.|\n)*force=True") as told:
            deploy(source=TWO)
        assert "maxReplicas" in str(told.value)
        assert cluster.get("houses")["spec"]["predictor"]["maxReplicas"] == 7

    def test_force_takes_it_over(self, cluster):
        deploy()
        cluster.edit("houses", {"maxReplicas": 7}, "autoscaling-team")
        assert deploy(force=True).verdict.decision == "pass"
        assert cluster.get("houses")["spec"]["predictor"]["maxReplicas"] == 3

    def test_what_kserve_s_webhook_added_to_ours_is_no_one_else_s(
        self, kubernetes, tmp_path, monkeypatch
    ):
        """The API server marks it as an update by our manager; the stand-in has no webhooks."""
        with clusters.cluster(kubernetes, tmp_path) as made:
            monkeypatch.setenv("KUBECONFIG", made.config)
            deploy()
            added = {"spec": {"predictor": {"timeout": 60}}}
            path = f"{made.kserve.place}/houses?fieldManager=holdfast"
            kubernetes.ask("PATCH", path, added, "application/merge-patch+json")
            service = InferenceServices(connect())
            body = {**deploy(dry_run=True).body}
            body["spec"] = {"predictor": {**body["spec"]["predictor"], "timeout": 30}}
            assert service.apply(body).document["spec"]["predictor"]["timeout"] == 30

    def test_what_others_add_stays(self, cluster):
        deploy()
        cluster.edit("houses", {"containerConcurrency": 4}, "traffic-team")
        done = deploy(source=TWO)
        assert done.verdict.decision == "pass"
        assert cluster.get("houses")["spec"]["predictor"]["containerConcurrency"] == 4


class TestTheWayBack:
    def test_a_version_that_never_gets_ready_is_replaced_by_the_last_spec(self, cluster):
        cluster.kserve.broken["2"] = "Container failed with: no MLmodel in /mnt/models"
        deploy(replace(REQUEST, labels={"team": "a"}))
        before = cluster.get("houses")
        done = deploy(source=TWO, patience=SOON)
        assert (done.action, done.verdict.decision) == ("rolled back", "fail")
        assert codes(done) == ["timeout", "rolled_back"]
        assert "no MLmodel in /mnt/models" in done.verdict.reasons[0].message
        assert "model version 1, is applied again" in done.verdict.reasons[1].message
        after = cluster.get("houses")
        assert after["spec"] == before["spec"]
        assert after["metadata"]["labels"] == before["metadata"]["labels"]
        assert after["metadata"]["annotations"] == before["metadata"]["annotations"]

    def test_after_the_way_back_the_next_call_can_succeed(self, cluster):
        cluster.kserve.broken["2"] = "no"
        deploy()
        deploy(source=TWO, patience=SOON)
        cluster.kserve.broken.clear()
        assert deploy(source=TWO).verdict.decision == "pass"

    def test_what_an_earlier_try_left_is_told_to_stay(self, cluster):
        """A pod that is lost can't go back: the next try finds nothing to change."""
        cluster.kserve.broken["1"] = "no MLmodel"
        service = InferenceServices(connect())
        service.apply(manifest(REQUEST, ONE))
        done = deploy(patience=SOON)
        assert (done.action, codes(done)) == ("unchanged", ["timeout", "unchanged"])
        assert cluster.get("houses") is not None

    def test_what_was_taken_by_force_is_given_back(self, cluster):
        cluster.kserve.broken["2"] = "no"
        deploy()
        cluster.edit("houses", {"maxReplicas": 7}, "autoscaling-team")
        done = deploy(source=TWO, patience=SOON, force=True)
        assert done.action == "rolled back"
        assert cluster.get("houses")["spec"]["predictor"]["maxReplicas"] == 7

    def test_a_new_service_that_never_gets_ready_is_deleted(self, cluster):
        cluster.kserve.broken["1"] = "image not found"
        done = deploy(patience=SOON)
        assert (done.action, codes(done)) == ("deleted", ["timeout", "deleted"])
        assert "image not found" in done.verdict.reasons[0].message
        assert cluster.get("houses") is None

    def test_a_spec_that_kserve_refuses_is_not_waited_for(self, cluster):
        cluster.kserve.invalid["2"] = "no runtime takes it"
        deploy()
        done = deploy(source=TWO)
        assert codes(done) == ["invalid", "rolled_back"]
        assert "no runtime takes it" in done.verdict.reasons[0].message
        # What was refused before says nothing of the next one.
        assert deploy().verdict.decision == "pass"

    def test_ready_of_the_state_before_is_not_believed(self, cluster):
        deploy()
        cluster.kserve.broken["2"] = "no"
        cluster.kserve.asleep = True
        threading.Timer(0.5, lambda: setattr(cluster.kserve, "asleep", False)).start()
        assert (
            deploy(source=TWO, patience=replace(SOON, seconds=2.5, settle=1.2)).verdict.decision
            == "fail"
        )

    def test_another_that_took_the_name_is_not_deleted(self, cluster):
        services = InferenceServices(connect(tries=TRIES))
        ours = services.apply(manifest(REQUEST, ONE))
        cluster.delete("houses")
        another = services.apply(manifest(REQUEST, TWO))
        services.delete(ours)
        assert cluster.get("houses")["metadata"]["uid"] == another.uid

    def test_a_service_deleted_meanwhile_is_told_and_not_made_again(self, cluster):
        deploy()
        cluster.kserve.broken["2"] = "no"
        done = deploy(source=TWO, say=when_it_waits(lambda: cluster.delete("houses")))
        assert codes(done) == ["deleted"]
        assert (done.verdict.decision, done.url) == ("fail", "")
        assert cluster.get("houses") is None

    def test_sigterm_takes_back_what_was_changed(self, cluster):
        deploy()
        cluster.kserve.broken["2"] = "no"
        stop = when_it_waits(lambda: os.kill(os.getpid(), signal.SIGTERM))
        with pytest.raises(GateError, match=r"SIGTERM.*model version 1, is applied again"):
            deploy(source=TWO, say=stop)
        annotations = cluster.get("houses")["metadata"]["annotations"]
        assert annotations["holdfast/model-version"] == "1"

    def test_progress_says_what_is_missing(self, cluster):
        cluster.kserve.broken["1"] = "still pulling the image"
        lines = []
        deploy(patience=SOON, say=lines.append)
        assert any("still pulling the image" in line for line in lines)


class TestWithoutKnative:
    def test_it_gets_ready_and_has_no_revision(self, cluster):
        cluster.kserve.mode = "Standard"
        done = deploy()
        assert (done.verdict.decision, done.revision) == ("pass", "")
        assert done.canary_url == done.url
        assert deploy(source=TWO).verdict.decision == "pass"

    def test_a_share_is_refused_because_kserve_would_ignore_it(self, cluster):
        cluster.kserve.mode = "Standard"
        deploy()
        with pytest.raises(InputError, match="KServe ignores it"):
            deploy(replace(REQUEST, canary_traffic_percent=10), TWO)
        mode = {"serving.kserve.io/deploymentMode": "RawDeployment"}
        with pytest.raises(InputError, match="canary_traffic_percent"):
            deploy(replace(REQUEST, name="new", canary_traffic_percent=10, annotations=mode))

    def test_a_share_is_refused_once_a_new_service_tells_that_the_cluster_has_none(self, cluster):
        cluster.kserve.mode = "Standard"
        with pytest.raises(InputError, match=r"KServe ignores it.*has been deleted again"):
            deploy(replace(REQUEST, canary_traffic_percent=0))
        assert cluster.get("houses") is None


class TestAccess:
    def test_403_names_verb_resource_namespace_and_the_role(self, server, tmp_path, monkeypatch):
        with clusters.cluster(server, tmp_path, access=False) as made:
            monkeypatch.setenv("KUBECONFIG", made.config)
            with pytest.raises(MachineError) as told:
                deploy()
        said = str(told.value)
        assert "get inferenceservices.serving.kserve.io" in said
        assert made.namespace in said
        assert "access.yaml" in said
        assert "system:serviceaccount:kubeflow:pipeline-runner" in said

    def test_401_says_that_the_token_is_not_known(self, server, tmp_path, monkeypatch):
        config = server.config(tmp_path, "canary-token-5d41", "default")
        monkeypatch.setenv("KUBECONFIG", config)
        with pytest.raises(MachineError, match="401") as told:
            deploy()
        assert "canary-token-5d41" not in str(told.value)

    def test_422_gives_the_server_s_words(self, cluster):
        with pytest.raises(InputError, match="maxReplicas"):
            deploy(replace(REQUEST, pods=logic.Pods(replicas=[1, 5000])))

    def test_an_unknown_namespace_is_named(self, server, tmp_path, monkeypatch):
        config = server.config(tmp_path, server.admin, "nowhere")
        monkeypatch.setenv("KUBECONFIG", config)
        with pytest.raises(InputError, match="nowhere"):
            deploy()

    def test_no_configuration_says_how_to_give_one(self, tmp_path, monkeypatch):
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
        monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
        with pytest.raises(MachineError, match=f"KUBECONFIG names. Found: {tmp_path}/none: "):
            deploy()

    def test_a_server_that_is_not_there_is_tried_and_told(self, server, tmp_path, monkeypatch):
        config = server.config(tmp_path, server.admin, "default", "http://127.0.0.1:9")
        monkeypatch.setenv("KUBECONFIG", config)
        with pytest.raises(MachineError, match=r"must answer. Found: Connection refused, 3 times"):
            deploy()


class TestFaults:
    def test_404_without_kserve_says_so(self, tmp_path, monkeypatch):
        from tests.deployment.apiserver import stand_in

        with stand_in() as bare:
            namespace = clusters.namespace(bare, "models")
            monkeypatch.setenv("KUBECONFIG", bare.config(tmp_path, bare.admin, namespace))
            with pytest.raises(MachineError, match="KServe is not installed"):
                deploy()

    @pytest.mark.parametrize("code", [0, 429, 500, 503])
    @pytest.mark.parametrize("verb", ["get", "patch"])
    def test_a_passing_failure_is_tried_again(self, faulty, verb, code):
        faulty.server.faults.append(Fault(verb, code, left=2))
        faulty.kserve.asleep = True
        threading.Timer(0.3, lambda: setattr(faulty.kserve, "asleep", False)).start()
        assert deploy().verdict.decision == "pass"

    @pytest.mark.parametrize("code", [0, 410, 500])
    def test_a_watch_that_is_cut_off_or_too_old_is_made_again(self, faulty, code):
        deploy()
        # A fault after one event: the stream had begun.
        faulty.server.faults.append(Fault("watch", code, after=1, left=2))
        done = deploy(source=TWO)
        assert (done.action, done.verdict.decision) == ("updated", "pass")
        assert faulty.server.faults[0].left < 2

    def test_403_of_a_webhook_is_no_lack_of_access(self, faulty):
        """KServe's own validator answers 403 where it refuses a spec."""
        faulty.server.faults.append(Fault("patch", 403))
        with pytest.raises(InputError, match="403 made by the test") as told:
            deploy()
        assert "Role" not in str(told.value)

    def test_an_overtaken_write_is_tried_again(self, faulty):
        faulty.server.faults.append(Fault("patch", 409, left=1))
        faulty.kserve.asleep = True
        threading.Timer(0.3, lambda: setattr(faulty.kserve, "asleep", False)).start()
        assert deploy().verdict.decision == "pass"

    def test_an_api_server_that_starts_again_is_waited_for(self, faulty):
        """It is away for longer than a call is tried, and then does not know who asks."""
        deploy()

        def restart(line):
            if "waiting for Ready" in line:
                faulty.server.faults.extend([Fault("get", 503, left=4), Fault("get", 401, left=2)])

        done = deploy(source=TWO, say=restart)
        assert (done.action, done.verdict.decision) == ("updated", "pass")
        assert [fault.left for fault in faulty.server.faults] == [0, 0]

    def test_an_api_server_that_goes_away_leaves_a_stated_state(self, faulty):
        deploy()
        faulty.kserve.broken["2"] = "no"
        faults = faulty.server.faults

        def lose(*verbs):
            return lambda _: faults.extend(Fault(verb, 503, left=1000) for verb in verbs)

        with pytest.raises(MachineError, match="stays as this step applied it"):
            deploy(source=TWO, patience=SOON, say=lose("get", "watch", "patch"))
        faults.clear()


ADDRESSES = {
    "url": "http://houses.example.com/v1/models/houses:predict",
    "address": {"url": "http://houses.models.svc.cluster.local"},
    "components": {"predictor": {
        "address": {"url": "http://houses-predictor.models.svc.cluster.local"},
        "traffic": [{"latestRevision": True, "tag": "latest", "percent": 0,
                     "url": "http://latest-houses-predictor.models.example.com"}],
    }},
}  # fmt: skip


class TestAddresses:
    def test_inside_the_cluster_comes_first(self):
        service = InferenceService({"metadata": {"name": "houses"}, "status": ADDRESSES})
        assert service.url == "http://houses.models.svc.cluster.local"
        assert service.canary_url == "http://latest-houses-predictor.models.svc.cluster.local"

    def test_the_world_s_are_taken_where_there_are_no_others(self):
        predictor = {"traffic": ADDRESSES["components"]["predictor"]["traffic"]}
        status = {"url": ADDRESSES["url"], "components": {"predictor": predictor}}
        service = InferenceService({"metadata": {"name": "houses"}, "status": status})
        assert service.url == "http://houses.example.com"
        assert service.canary_url == "http://latest-houses-predictor.models.example.com"


class TestComplaints:
    def test_a_message_that_kserve_hands_on_is_told_once(self):
        conditions = [
            {"type": kind, "status": "False", "reason": "RevisionFailed", "message": "no image"}
            for kind in ("PredictorReady", "Ready")
        ]
        conditions.append({"type": "IngressReady", "status": "True"})
        status = {
            "conditions": conditions,
            "modelStatus": {
                "transitionStatus": "BlockedByFailedLoad",
                "lastFailureInfo": {"reason": "ModelLoadFailed", "message": "no MLmodel"},
            },
        }
        service = InferenceService({"metadata": {"name": "houses"}, "status": status})
        assert service.complaints == (
            "PredictorReady, Ready=False (RevisionFailed: no image)",
            "model (BlockedByFailedLoad): no MLmodel",
        )


class TestInput:
    @pytest.mark.parametrize(
        ("make", "named"),
        [
            (lambda: replace(REQUEST, name="Houses"), "`name`"),
            (lambda: replace(REQUEST, name="a" * 39), "`name`"),
            (lambda: replace(REQUEST, image=""), "`image`"),
            (lambda: replace(REQUEST, canary_traffic_percent=101), "`canary_traffic_percent`"),
            (lambda: logic.Pods(replicas=[2, 1]), "`replicas`"),
            (lambda: logic.Pods(replicas=[1]), "`replicas`"),
            (lambda: logic.Pods(requests={"cpu": "half"}), "`requests`"),
            (lambda: logic.Pods(limits={"gpu": "1"}), "`limits`"),
            (lambda: logic.Pods(user=-1), "`user`"),
            (lambda: replace(REQUEST, labels={"team": "a b"}), "`labels`"),
            (lambda: replace(REQUEST, annotations={"holdfast/model-name": "x"}), "`annotations`"),
            (lambda: logic.options("", 0, False, False), "`timeout_seconds`"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_is_refused_by_name(self, make, named):
        with pytest.raises(InputError, match=named):
            make()


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """A real MLflow store with version 1 of houses, champion; SQLite's libraries are not here."""
    from mlflow import MlflowClient

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"file://{tmp_path}/mlruns")
    client = MlflowClient()
    logged = client.create_logged_model(client.create_experiment("x"), name="houses")
    client.finalize_logged_model(logged.model_id, "READY")
    client.create_registered_model("houses")
    source = f"models:/{logged.model_id}"
    client.create_model_version("houses", source, run_id="run1", model_id=logged.model_id)
    client.set_registered_model_alias("houses", "champion", "1")
    return client, logged


class TestRegistry:
    URI = "s3://bucket/houses"

    def test_an_alias_and_a_number_name_the_same_version(self, registry):
        found = logic.find("houses", "champion", self.URI, "")
        assert found == logic.find("houses", "1", self.URI, "")
        assert found == Source("houses", 1, "run1", self.URI)

    def test_an_alias_or_a_version_that_is_not_there_is_named(self, registry):
        with pytest.raises(InputError, match="with the alias 'challenger'"):
            logic.find("houses", "challenger", self.URI, "")
        with pytest.raises(InputError, match="must have a version 7"):
            logic.find("houses", "7", self.URI, "")

    def test_a_version_without_files_is_not_served(self, registry):
        with pytest.raises(InputError, match="no MLmodel"):
            logic.find("houses", "1", "", "")

    def test_files_on_the_server_s_disk_need_another_place(self, registry, tmp_path):
        client, logged = registry
        (tmp_path / "model").mkdir()
        (tmp_path / "model" / "MLmodel").write_text("flavors: {}\n")
        client.log_model_artifacts(logged.model_id, str(tmp_path / "model"))
        with pytest.raises(InputError, match="pass `storage_uri`=s3"):
            logic.find("houses", "1", "", "")

    def test_a_store_that_does_not_answer_is_told_with_its_variables(self, registry, monkeypatch):
        client, _ = registry
        monkeypatch.setenv("HOLDFAST_S3_ENDPOINT", "http://127.0.0.1:9")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "canary-key-31bf")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-secret-31bf")
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", "http://127.0.0.1:9")
        place = client.create_experiment("s3", artifact_location="s3://bucket/mlflow")
        logged = client.create_logged_model(place, name="houses")
        client.finalize_logged_model(logged.model_id, "READY")
        client.create_model_version(
            "houses", f"models:/{logged.model_id}", model_id=logged.model_id
        )
        with pytest.raises(MachineError, match="HOLDFAST_S3_ENDPOINT") as told:
            logic.find("houses", "2", "", "")
        assert "31bf" not in str(told.value)

    def test_without_a_server_it_says_which_variable_names_one(self, monkeypatch):
        monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
        with pytest.raises(InputError, match="MLFLOW_TRACKING_URI"):
            logic.find("houses", "1", "", "")


class TestStorage:
    class Version:
        name, version = "houses", 3

    def test_what_mlflow_proxies_is_found_below_the_root(self):
        for location in ("mlflow-artifacts:/1/models/m-1/artifacts",
                         "mlflow-artifacts://host:5000/1/models/m-1/artifacts"):  # fmt: skip
            found = readable(location, self.Version, "s3://mlflow/")
            assert found == "s3://mlflow/1/models/m-1/artifacts"

    def test_without_a_root_the_remedy_is_told(self):
        with pytest.raises(InputError, match="--artifacts-destination"):
            readable("mlflow-artifacts:/1/models/m-1/artifacts", self.Version, "")

    def test_a_store_that_kserve_reads_is_taken_as_it_is(self):
        assert readable("s3://b/1/m-1", self.Version, "") == "s3://b/1/m-1"

    @pytest.mark.parametrize("location", ["/srv/mlruns/1", "file:///srv/mlruns/1", "./mlruns"])
    def test_the_server_s_disk_is_refused(self, location):
        with pytest.raises(InputError, match=r"`storage_root`=s3://BUCKET.*`storage_uri`=s3://"):
            readable(location, self.Version, "")

    @pytest.mark.parametrize(
        "uri", ["s3://key:canary-5d41@bucket/m", "https://host/m?sig=canary-5d41"]
    )
    def test_a_password_is_refused_and_not_shown(self, uri):
        with pytest.raises(InputError, match="credentials") as told:
            logic.find("houses", "1", uri, "")
        assert "canary-5d41" not in str(told.value)


class TestWhatItWrites:
    def test_the_summary_and_the_verdict_say_it_all(self, cluster, tmp_path):
        cluster.kserve.broken["2"] = "no MLmodel <b>here</b>"
        deploy()
        done = deploy(source=TWO, patience=SOON)
        facts = done.write(tmp_path / "verdict.json", tmp_path / "summary.md")
        assert facts["decision"] == "fail"
        text = (tmp_path / "summary.md").read_text()
        assert "houses, version 2" in text
        assert "| model version | 1 |" in text
        assert "rolled back" in text
        assert "<b>" not in text
        verdict = json.loads((tmp_path / "verdict.json").read_text())
        assert "no MLmodel" in verdict["reasons"][0]["message"]

    def test_no_secret_comes_into_specs_logs_or_reports(
        self, cluster, tmp_path, monkeypatch, capfd
    ):
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-key-77aa")
        cluster.kserve.broken["1"] = "no"
        lines = []
        done = deploy(patience=SOON, say=lines.append)
        done.write(tmp_path / "verdict.json", tmp_path / "summary.md")
        shown = capfd.readouterr()
        everything = "".join([
            *lines, shown.out, shown.err, str(done.body), (tmp_path / "verdict.json").read_text(),
            (tmp_path / "summary.md").read_text(),
        ])  # fmt: skip
        for secret in ("canary-key-77aa", cluster.token, cluster.server.admin):
            assert secret not in everything


class TestManifests:
    def test_the_access_that_the_readme_shows_is_enough_and_no_more(self, kubernetes, tmp_path):
        """Every other test runs with it; here the API server says what it does not allow."""
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"

        def allowed(verb, resource, group=""):
            review = {
                "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
                "spec": {"user": "system:serviceaccount:kubeflow:pipeline-runner",
                         "resourceAttributes": {"namespace": made.namespace, "verb": verb,
                                                "resource": resource, "group": group}},
            }  # fmt: skip
            return kubernetes.ask("POST", path, review)["status"]["allowed"]

        with clusters.cluster(kubernetes, tmp_path) as made:
            verbs = ("get", "list", "watch", "create", "update", "patch", "delete")
            services = [v for v in verbs if allowed(v, "inferenceservices", "serving.kserve.io")]
            assert services == ["get", "watch", "create", "patch", "delete"]
            assert not any(allowed(v, r) for v in verbs for r in ("secrets", "pods"))

    def test_the_storage_manifest_is_taken_and_holds_no_key(self, server):
        namespace = clusters.namespace(server, "storage-manifest")
        secret, account = clusters.manifests("storage.yaml")
        assert set(secret["stringData"].values()) == {""}
        for document in (secret, account):
            server.apply(document, namespace)
        assert account["secrets"] == [{"name": secret["metadata"]["name"]}]
