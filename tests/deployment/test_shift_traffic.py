"""shift_traffic: the steps, what is judged in each, and the way back."""

import json
import os
import signal

import pytest

from holdfast.deployment.cluster import Tries
from holdfast.deployment.deploy_model import logic as deploying
from holdfast.deployment.shift_traffic import logic
from holdfast.deployment.shift_traffic.health import Health, judge
from holdfast.deployment.waiting import Patience
from holdfast.errors import GateError, InputError, MachineError
from holdfast.verdict import read_verdict
from tests.deployment.apiserver import Fault
from tests.deployment.endpoints import serve

QUICK = Patience(seconds=20, settle=3, pause=0.05)
SOON = Patience(seconds=2.0, settle=0.3, pause=0.05)
TRIES = Tries(3, 0.01)
BODY = '{"instances": [{"size": 1.5}]}'
TENSOR = '{"inputs": [{"name": "size", "shape": [1], "datatype": "FP64", "data": [1.5]}]}'
SECOND = "houses-predictor-00002"


def deploy(version, percent):
    source = deploying.Source("houses", version, f"run{version}", f"s3://mlflow/{version}")
    asked = deploying.Request("houses", "localhost/holdfast-serving:0.1.0", percent)
    done = deploying.deploy(
        asked, source, deploying.Options(patience=QUICK, tries=TRIES), lambda _: None
    )
    assert done.verdict.decision == "pass"


@pytest.fixture
def rollout(cluster):
    """A service with version 1, version 2 as its canary without traffic, and both served."""
    with serve(version="1") as stable, serve(version="2") as canary:
        cluster.kserve.url, cluster.kserve.canary_url = stable.url, canary.url
        deploy(1, 100)
        deploy(2, 0)
        yield cluster, stable, canary


def plan(steps=(5, 50, 100), requests=4, p95=5000.0, errors=0.0, seconds=0.0, **more):
    objectives = logic.Objectives(p95, errors, requests, seconds, 2.0)
    asked = logic.question("", more.pop("request", BODY), more.pop("protocol", "v1"), "houses")
    settings = {"patience": QUICK, "tries": TRIES, **more}
    return logic.Plan("houses", steps, objectives, asked, **settings)


def shift(say=lambda _: None, **more):
    return logic.shift(plan(**more), say)


def codes(result):
    return [reason.code for reason in result.verdict.reasons]


def shares(cluster):
    return {
        target["revisionName"]: target["percent"]
        for target in cluster.get("houses")["status"]["components"]["predictor"]["traffic"]
        if target["percent"]
    }


class TestTheDryRun:
    def test_it_moves_nothing_and_asks_nothing(self, rollout, tmp_path):
        cluster, stable, canary = rollout
        before = shares(cluster)
        result = logic.try_shift(plan())
        assert (result.verdict.decision, result.scores["steps"]) == ("pass", 0)
        assert shares(cluster) == before != {SECOND: 100}
        assert (stable.predictions, canary.predictions) == (0, 0)
        result.write(*(str(tmp_path / name) for name in ("verdict", "html", "markdown")))
        text = (tmp_path / "markdown").read_text()
        assert f"could be shifted to {SECOND}" in text.replace("\\", "")

    def test_it_refuses_what_the_shift_itself_would_refuse(self, cluster):
        with pytest.raises(InputError, match="no 'houses'"):
            logic.try_shift(plan())


class TestTheSteps:
    def test_each_share_is_reached_and_the_last_stays(self, rollout):
        cluster, stable, canary = rollout
        lines = []
        result = shift(lines.append)
        assert (result.verdict.decision, result.share) == ("pass", 100)
        assert [step.share for step in result.steps] == [5, 50, 100]
        assert [line for line in lines if "has" in line and "waiting" not in line][-1].endswith(
            "100 % of the traffic"
        )
        assert shares(cluster) == {SECOND: 100}
        assert (stable.predictions, canary.predictions) == (12, 12)
        assert result.scores["requests"] == 24

    def test_each_target_tells_which_version_answered(self, rollout):
        result = shift(steps=(5,), protocol="v2", request=TENSOR)
        assert {health.target: health.versions for health in result.steps[0].healths} == {
            "service": (("1", 4),), "canary": (("2", 4),),
        }  # fmt: skip

    def test_nothing_but_the_share_changes_and_all_of_it_leaves_no_trace(self, rollout):
        cluster, *_ = rollout
        before = cluster.get("houses")
        shift(steps=(10,))
        during = cluster.get("houses")["spec"]["predictor"]
        assert during == {**before["spec"]["predictor"], "canaryTrafficPercent": 10}
        shift(steps=(100,))
        after = cluster.get("houses")
        assert "canaryTrafficPercent" not in after["spec"]["predictor"]
        assert after["metadata"]["annotations"] == before["metadata"]["annotations"]

    def test_after_it_deploying_the_same_again_changes_nothing(self, rollout):
        cluster, *_ = rollout
        shift()
        before = cluster.get("houses")["metadata"]["resourceVersion"]
        deploy(2, 100)
        assert cluster.get("houses")["metadata"]["resourceVersion"] == before

    def test_what_has_all_of_the_traffic_is_only_looked_at(self, rollout):
        """As when this step is tried again after its last share."""
        cluster, *_ = rollout
        shift()
        begun = len(cluster.kserve.history)
        result = shift()
        assert [step.share for step in result.steps] == [100]
        assert all(traffic == {SECOND: 100} for traffic in cluster.kserve.history[begun:])

    def test_steps_may_end_below_100(self, rollout):
        cluster, *_ = rollout
        result = shift(steps=(5, 20))
        assert (result.verdict.decision, result.share) == ("pass", 20)
        assert shares(cluster) == {SECOND: 20, "houses-predictor-00001": 80}

    def test_the_first_version_has_no_one_to_take_traffic_from(self, cluster):
        with serve() as stable:
            cluster.kserve.url = stable.url
            deploy(1, 100)
            result = shift()
        assert (result.verdict.decision, result.share) == ("pass", 100)
        assert "is the first" in result.told
        assert [step.share for step in result.steps] == [100]

    def test_without_a_body_readiness_is_asked(self, rollout):
        _, stable, _ = rollout
        assert shift(request="").verdict.decision == "pass"
        assert ("GET", "/v2/health/ready") in stable.seen

    def test_the_model_s_input_example_is_sent(self, rollout, tmp_path):
        (tmp_path / "MLmodel").write_text(
            'signature: {inputs: \'[{"type": "double", "name": "size"}]\'}\n'
        )
        (tmp_path / "input_example.json").write_text('{"columns": ["size"], "data": [[1.0]]}')
        asked = logic.question(str(tmp_path), "", "v2", "houses")
        assert asked.path == "/v2/models/houses/infer"
        assert json.loads(asked.body)["inputs"][0]["datatype"] == "FP64"

    def test_a_url_of_the_user_s_own_is_the_only_one_asked(self, rollout):
        _, stable, canary = rollout
        with serve() as ingress:
            shift(url=ingress.url)
        assert (ingress.predictions, stable.predictions, canary.predictions) == (12, 0, 0)


class TestTheWayBack:
    def test_a_canary_that_fails_is_found_before_it_has_traffic_of_note(self, rollout):
        cluster, _, canary = rollout
        canary.behaviour.fail_every = 1
        result = shift()
        assert (result.verdict.decision, result.share) == ("fail", 0)
        assert codes(result) == ["errors", "back"]
        assert "4 x HTTP 500" in result.verdict.reasons[0].message
        assert "canary at 5 %" in result.verdict.reasons[0].subject
        assert shares(cluster) == {"houses-predictor-00001": 100}
        assert [step.share for step in result.steps] == [5, 0]

    def test_a_canary_that_lets_a_fallback_answer_is_not_well(self, rollout):
        _, _, canary = rollout
        canary.behaviour.fallback = "mean"
        result = shift()
        assert codes(result) == ["errors", "back"]
        assert "4 x fallback" in result.verdict.reasons[0].message

    def test_a_slow_canary_breaks_the_latency_objective(self, rollout):
        cluster, _, canary = rollout
        canary.behaviour.slow = 1.0
        result = shift(p95=700.0, requests=1)
        assert codes(result) == ["latency", "back"]
        assert shares(cluster) == {"houses-predictor-00001": 100}

    def test_a_service_that_fails_at_full_traffic_goes_back_to_the_earlier_revision(self, rollout):
        cluster, stable, _ = rollout

        def say(line):
            if "has 100 %" in line:
                stable.behaviour.fail_every = 1

        result = shift(say)
        assert (result.verdict.decision, result.share) == ("fail", 0)
        assert [step.share for step in result.steps] == [5, 50, 100, 0]
        assert shares(cluster) == {"houses-predictor-00001": 100}

    def test_what_had_all_of_the_traffic_before_keeps_it(self, rollout):
        cluster, stable, _ = rollout
        shift()
        stable.behaviour.fail_every = 1
        result = shift()
        assert (result.verdict.decision, result.share) == ("fail", 100)
        assert codes(result) == ["errors", "back"]
        assert "had all of the traffic before this step" in result.verdict.reasons[-1].message
        assert shares(cluster) == {SECOND: 100}

    def test_no_answer_at_all_is_told_as_such(self, rollout):
        result = shift(url="http://127.0.0.1:9")
        assert codes(result) == ["errors", "back"]
        assert "ConnectError" in result.verdict.reasons[0].message
        assert "worst_p95_ms" not in result.scores

    def test_few_errors_are_borne(self, rollout):
        _, stable, _ = rollout
        stable.behaviour.fail_every = 4
        assert shift(errors=0.3).verdict.decision == "pass"

    def test_a_service_that_is_no_longer_ready_goes_back(self, rollout):
        cluster, *_ = rollout

        def say(line):
            if "has 50 %" in line:
                cluster.kserve.broken["2"] = "OOMKilled"
                while cluster.get("houses")["status"]["conditions"][-1]["status"] == "True":
                    pass
            # The way back's own progress says why it has to wait.
            elif "OOMKilled" in line:
                cluster.kserve.broken.clear()

        result = shift(say)
        assert "not_ready" in codes(result)
        assert "OOMKilled" in result.verdict.reasons[0].message
        assert shares(cluster) == {"houses-predictor-00001": 100}

    def test_a_share_that_is_never_reached_is_a_timeout_that_says_so(self, rollout, tmp_path):
        cluster, *_ = rollout
        cluster.kserve.stuck_traffic = True
        result = shift(patience=SOON)
        assert codes(result) == ["timeout", "back"]
        assert "has 0 % of the traffic, not 5 %" in result.verdict.reasons[0].message
        result.write(tmp_path / "v.json", tmp_path / "r.html", tmp_path / "s.md")
        assert "has 0 % of the traffic" in (tmp_path / "r.html").read_text()

    def test_the_first_version_has_no_way_back_and_says_so(self, cluster):
        with serve(fail_every=1) as stable:
            cluster.kserve.url = stable.url
            deploy(1, 100)
            result = shift()
        assert (result.verdict.decision, result.share) == ("fail", 100)
        assert "no earlier revision" in result.verdict.reasons[-1].message

    def test_sigterm_gives_the_traffic_back(self, rollout):
        cluster, *_ = rollout

        def say(line):
            if "has 50 %" in line:
                os.kill(os.getpid(), signal.SIGTERM)

        with pytest.raises(GateError, match=r"SIGTERM.*given back to houses-predictor-00001"):
            shift(say)
        assert shares(cluster) == {"houses-predictor-00001": 100}
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL

    def test_a_service_deleted_meanwhile_is_told_and_left(self, rollout):
        cluster, *_ = rollout
        result = shift(lambda line: "has 50 %" in line and cluster.delete("houses"))
        assert (codes(result), result.share) == (["deleted"], None)
        assert cluster.get("houses") is None

    def test_another_deployment_meanwhile_is_not_undone(self, rollout):
        cluster, *_ = rollout
        result = shift(lambda line: "has 50 %" in line and deploy(3, 20))
        assert (codes(result), result.share) == (["overtaken"], None)
        assert shares(cluster)["houses-predictor-00003"] == 20

    def test_an_api_server_that_goes_away_is_told_with_where_the_traffic_is(self, faulty):
        with serve(version="1") as stable:
            faulty.kserve.url = stable.url
            deploy(1, 100)
            deploy(2, 0)

            def say(line):
                if "has 50 %" in line:
                    faulty.server.faults.append(Fault("patch", 503, left=1000))

            with pytest.raises(MachineError, match="stays at its last share"):
                shift(say)


class TestInput:
    @pytest.mark.parametrize("steps", [(), (0, 50), (50, 50), (50, 20), (50, 101)])
    def test_steps_that_do_not_rise_are_refused(self, steps):
        with pytest.raises(InputError, match="`steps`"):
            plan(steps=steps)

    @pytest.mark.parametrize(
        ("objectives", "named"),
        [
            ((0.0, 0.01, 50, 60.0), "p95_objective_ms"),
            ((500.0, 1.0, 50, 60.0), "max_error_share"),
            ((500.0, 0.01, 0, 60.0), "requests"),
            ((500.0, 0.01, 50, -1.0), "seconds"),
        ],
    )
    def test_objectives_that_cannot_be_are_refused(self, objectives, named):
        with pytest.raises(InputError, match=named):
            logic.Objectives(*objectives)

    @pytest.mark.parametrize("request_", ["{", "[1]", "canary"])
    def test_a_body_that_is_no_object_is_refused(self, request_):
        with pytest.raises(InputError, match="`request`"):
            logic.question("", request_, "v1", "houses")

    def test_a_service_that_is_not_there_is_named(self, cluster):
        with pytest.raises(InputError, match="no 'houses'"):
            shift()

    def test_without_knative_it_says_that_kserve_ignores_shares(self, cluster):
        cluster.kserve.mode = "Standard"
        deploy(1, 100)
        with pytest.raises(InputError, match="KServe ignores canaryTrafficPercent"):
            shift()

    def test_steps_may_come_as_floats_from_a_local_runner(self):
        asked = logic.question("", BODY, "v1", "houses")
        made = logic.plan("houses", [5.0, 100.0], plan().objectives, asked, ("", "", ""), 300)
        assert made.steps == (5, 100)


class TestJudging:
    OBJECTIVES = logic.Objectives(100.0, 0.1, 10, 0.0)

    def test_an_objective_that_is_just_kept_is_kept(self):
        assert judge(Health("service", 10, 1, 100.0), 5, self.OBJECTIVES) == []

    def test_each_objective_that_is_broken_is_a_finding_with_both_numbers(self):
        errors, latency = judge(
            Health("service", 10, 2, 100.5, (("HTTP 503", 2),)), 5, self.OBJECTIVES
        )
        assert (errors.observed, errors.expected) == ("20.00%", "<= 10.00%")
        assert (latency.observed, latency.expected) == ("100 ms", "<= 100 ms")


class TestWhatItWrites:
    def test_the_report_shows_each_step_and_where_the_traffic_is(self, rollout, tmp_path):
        _, _, canary = rollout

        def say(line):
            if "has 50 %" in line:
                canary.behaviour.statuses["predict"] = 503

        result = shift(say)
        html, markdown = tmp_path / "report.html", tmp_path / "summary.md"
        facts = result.write(tmp_path / "verdict.json", html, markdown)
        assert facts["decision"] == read_verdict(tmp_path / "verdict.json").decision == "fail"
        page = html.read_text()
        assert "<svg" in page
        assert "4 x HTTP 503" in page
        assert "All traffic is given back to houses-predictor-00001" in page
        assert "given back" in markdown.read_text()

    def test_no_token_is_shown(self, rollout, tmp_path, monkeypatch, capfd):
        cluster, _, canary = rollout
        monkeypatch.setenv("HOLDFAST_ENDPOINT_TOKEN", "canary-token-9e1f")
        canary.behaviour.wanted_token = "another"
        lines = []
        result = shift(lines.append)
        result.write(tmp_path / "v.json", tmp_path / "r.html", tmp_path / "s.md")
        shown = capfd.readouterr()
        files = "".join(f.read_text() for f in tmp_path.iterdir() if f.suffix in (".md", ".html"))
        told = "".join([*lines, shown.out, shown.err, files, (tmp_path / "v.json").read_text()])
        assert "HTTP 401" in told
        for secret in ("canary-token-9e1f", cluster.token, cluster.server.admin):
            assert secret not in told
