"""load_test_endpoint: real loads on a real server, and judgements that can be worked out."""

import json
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import psutil
import pyarrow as pa
import pytest

from holdfast.deployment.endpoint import TOKEN
from holdfast.deployment.load_test_endpoint import figures, load, logic
from holdfast.deployment.load_test_endpoint.load import Request, Run
from holdfast.errors import InputError, MachineError
from holdfast.table import TableWriter
from holdfast.verdict import read_verdict
from tests.deployment.endpoints import NAME, certificate, serve

ROWS = {"size": [1.0, 2.0, 3.0], "place": ["a", "b", None], "price": [2.0, 4.0, 6.0]}


@pytest.fixture
def table(tmp_path):
    rows = pa.table(ROWS)
    with TableWriter(tmp_path / "table", rows.schema, "price", "regression") as writer:
        for batch in rows.to_batches():
            writer.write(batch)
    return str(tmp_path / "table")


def settings(url, table, objective=(2000.0, 0.0), protocol="v1", host="", **changed):
    amount = {"rate": 50.0, "seconds": 1.0, "requests": 10_000, "users": 20, "rows": 1,
              "timeout": 5.0} | changed  # fmt: skip
    return logic.ask((url, NAME, host), protocol, "", table, tuple(amount.values()), objective)


def codes(result):
    return [(reason.code, reason.effect) for reason in result.verdict.reasons]


def generators():
    """Return the load generators that this process has started."""
    children = psutil.Process().children(recursive=True)
    return [child for child in children if load.GENERATOR in child.cmdline()]


@pytest.mark.parametrize("protocol", ["v1", "v2"])
def test_a_well_endpoint_gets_exactly_the_load_and_passes(protocol, table, tmp_path):
    with serve() as served:
        # The number of requests ends it, not the time: on a busy machine none is left out. At a
        # low rate a last request that is late changes little of it.
        many = {"rate": 15.0, "requests": 120, "seconds": 60.0}
        result = logic.load_test(settings(served.url, table, protocol=protocol, rows=2, **many))
    assert codes(result) == [("objective_reached", "")]
    # The first request is a probe.
    assert served.predictions == result.scores["requests"] + 1 == 121
    assert (result.scores["errors"], result.scores["rate_asked"]) == (0, 15)
    assert result.scores["p50_ms"] <= result.scores["p95_ms"] <= result.scores["p99_ms"]
    result.write(*(tmp_path / name for name in ("verdict", "page", "summary")))
    assert read_verdict(tmp_path / "verdict").decision == "pass"
    page = (tmp_path / "page").read_text()
    assert page.count("<svg") == 2
    assert len(page) < 2e6
    assert all(np.isfinite(value) for value in result.scores.values())


def test_the_most_requests_end_the_load(table):
    with serve() as served:
        result = logic.load_test(settings(served.url, table, requests=7))
    assert (result.scores["requests"], served.predictions) == (7, 8)


def test_a_slow_endpoint_misses_the_objective(table):
    with serve(slow=0.5) as served:
        result = logic.load_test(settings(served.url, table, objective=(250.0, 0.0), users=50))
    # On a busy machine the generator is late, too.
    assert "objective_missed" in dict(codes(result))
    assert result.scores["p50_ms"] >= 500


def test_requests_that_could_not_be_sent_in_time_count_with_their_wait(table):
    # A server that does 20 a second is asked for 60: a client that waits for it would see 100 ms.
    with serve(slow=0.05, one_at_a_time=True) as served:
        asked = settings(served.url, table, objective=(400.0, 0.0), users=2, rate=60.0, seconds=2.0)
        result = logic.load_test(asked)
    assert "objective_missed" in dict(codes(result))
    assert {"rate_not_reached", "generator_behind"} & set(dict(codes(result)))
    assert result.scores["sent_late_share"] > 0.5
    assert result.scores["requests"] < 60


def test_errors_are_counted_by_kind(table):
    with serve(fail_every=5) as served:
        asked = settings(served.url, table, (2000.0, 0.1), requests=120, seconds=30.0)
        result = logic.load_test(asked)
        assert ("too_many_errors", "fail") in codes(result)
        # 121 with the probe, of which each fifth fails.
        assert result.scores["errors"] == 24
        assert "http_500 24" in result.verdict.reasons[0].message
        assert "http\\_500" in result.report.markdown()
    allowed = replace(asked, objective=replace(asked.objective, errors=0.2))
    run = Run(tuple(steady(96, 1).requests + steady(24, 1, "http_500").requests), "ok", 10, 0, 0)
    assert "too_many_errors" in dict(codes(logic.judge(run, asked)))
    assert "too_many_errors" not in dict(codes(logic.judge(run, allowed)))


def test_an_endpoint_that_hangs_in_the_middle_fails_and_the_load_ends(table):
    with serve(hang_after=40) as served:
        asked = settings(served.url, table, seconds=1.5, timeout=0.6, users=50)
        result = logic.load_test(asked)
    assert result.verdict.decision == "fail"
    assert "timeout" in result.verdict.reasons[0].message
    assert 0 < result.scores["errors"] < result.scores["requests"]


@pytest.mark.parametrize(
    ("behaviour", "code", "observed"),
    [
        ({"statuses": {"predict": 422}}, "request_refused", "http_422"),
        ({"lose": 1}, "request_refused", "bad_answer"),
        ({"fallback": "mean"}, "request_refused", "fallback"),
        ({"redirect": "http://127.0.0.1:1/"}, "request_refused", "http_302"),
        ({"hang": True}, "endpoint_down", "timeout"),
        ({"drip": True}, "endpoint_down", "timeout"),
    ],
)
def test_an_endpoint_that_is_not_well_gets_one_request(table, behaviour, code, observed):
    with serve(**behaviour) as served:
        silent = behaviour.keys() & {"hang", "drip"}
        result = logic.load_test(settings(served.url, table, timeout=0.5 if silent else 5.0))
    (reason,) = result.verdict.reasons
    assert (reason.code, reason.observed, reason.effect) == (code, observed, "fail")
    assert len(served.seen) == 1
    assert result.scores["error_share"] == 1


def test_an_endpoint_that_is_down_is_a_failed_verdict_and_not_an_error(table):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        result = logic.load_test(settings(f"http://127.0.0.1:{held.getsockname()[1]}", table))
    assert codes(result) == [("endpoint_down", "fail")]
    assert "Load test" in result.report.html()


def test_host_and_token_are_sent_but_not_on_the_command_line(table, monkeypatch):
    monkeypatch.setenv(TOKEN, "hush-hush")
    shown = []

    def look():
        shown.extend(" ".join(child.cmdline()) for child in generators())

    with serve(wanted_host="houses.example", wanted_token="hush-hush") as served:
        watch = served.when(5, look)
        result = logic.load_test(settings(served.url, table, rate=100.0, host="houses.example"))
        watch.join()
    assert result.scores["errors"] == 0
    assert shown
    assert "hush-hush" not in "".join(shown) + result.report.html()


def test_a_certificate_must_be_known(table, tmp_path, monkeypatch):
    signed = certificate(tmp_path)
    with serve(signed) as served:
        asked = settings(served.url, table, requests=5)
        assert codes(logic.load_test(asked)) == [("endpoint_down", "fail")]
        assert served.predictions == 0
        monkeypatch.setenv("SSL_CERT_FILE", str(signed))
        result = logic.load_test(asked)
    assert (result.scores["requests"], result.scores["errors"]) == (5, 0)


def test_a_generator_that_is_late_itself_is_not_the_endpoints_fault(table):
    def freeze():
        (child,) = generators()
        child.send_signal(signal.SIGSTOP)
        time.sleep(1.5)
        child.send_signal(signal.SIGCONT)

    with serve() as served:
        frozen = served.when(20, freeze)
        asked = settings(served.url, table, objective=(200.0, 0.0), users=3, seconds=5.0)
        result = logic.load_test(asked)
        frozen.join()
    assert result.scores["generator_stalled_share"] > 0.2
    assert codes(result) == [("objective_missed", "warn"), ("generator_behind", "warn")]
    assert result.verdict.decision == "warn"


def test_the_load_ends_with_the_step_that_started_it(table):
    program = (
        "import sys\n"
        "from holdfast.deployment.load_test_endpoint import logic\n"
        "amount = (50.0, 600.0, 100000, 10, 1, 0.5)\n"
        f"where = (sys.argv[1], {NAME!r}, '')\n"
        "logic.load_test(logic.ask(where, 'v1', '', sys.argv[2], amount, (100.0, 0.0)))\n"
    )
    with serve() as served:
        step = subprocess.Popen([sys.executable, "-c", program, served.url, table])
        for _ in range(1200):
            if served.predictions > 5:
                break
            time.sleep(0.05)
        children = generators()
        step.send_signal(signal.SIGTERM)
        assert step.wait(10) == -signal.SIGTERM
        gone, alive = psutil.wait_procs(children, timeout=10)
        seen = served.predictions
        time.sleep(0.3)
    assert (len(gone), alive) == (1, [])
    assert 5 < seen == served.predictions


def test_a_generator_beyond_its_bound_is_ended(table, monkeypatch):
    monkeypatch.setattr(load, "START", -100.0)
    with serve() as served, pytest.raises(MachineError, match="load generator ended with code -9"):
        logic.load_test(settings(served.url, table))
    assert generators() == []


def test_the_parent_is_not_patched(table):
    import socket as plain

    with serve() as served:
        logic.load_test(settings(served.url, table, requests=2))
    assert "gevent" not in plain.socket.__module__
    assert "locust" not in sys.modules


def test_bodies_are_the_tables_rows_without_the_target(table):
    bodies = [json.loads(body) for body in settings("http://h", table, rows=2).bodies]
    assert bodies[0] == {"instances": [{"size": 1.0, "place": "a"}, {"size": 2.0, "place": "b"}]}
    assert bodies[1]["instances"] == [{"size": 3.0, "place": None}, {"size": 1.0, "place": "a"}]


def steady(count, ms, outcome="ok", seconds=10.0):
    """Return a run of requests of the same latency, evenly in time."""
    dues = np.linspace(0, seconds, count, endpoint=False)
    requests = tuple(Request(t, t, t + ms / 1000, outcome) for t in dues)
    return Run(requests, "ok", seconds, 0.1, 0.0)


def test_the_rate_that_was_not_reached_is_told(table):
    asked = settings("http://h", table, objective=(100.0, 0.01), rate=100.0, seconds=10.0)
    result = logic.judge(steady(900, 1), asked)
    assert codes(result) == [("objective_reached", ""), ("rate_not_reached", "warn")]
    assert result.scores["rate"] == 90


@pytest.fixture
def judged(table):
    asked = settings("http://h", table, objective=(100.0, 0.01), rate=100.0, seconds=10.0)
    return lambda run: logic.judge(run, asked)


def test_the_whole_interval_of_the_p95_decides(judged):
    assert judged(steady(1000, 99)).verdict.decision == "pass"
    assert judged(steady(1000, 101)).verdict.decision == "fail"
    run = steady(1000, 50)
    # 51 of 1000 are slow: the p95 is slow, and might as well not be.
    slow = [replace(r, done=r.due + 0.3) if i % 20 == 0 else r for i, r in enumerate(run.requests)]
    slow[3] = replace(slow[3], done=slow[3].due + 0.3)
    result = judged(replace(run, requests=tuple(slow)))
    assert codes(result) == [("objective_undecided", "warn")]
    assert result.scores["p95_low_ms"] == pytest.approx(50)
    assert result.scores["p95_high_ms"] == pytest.approx(300)


def test_few_requests_cannot_tell(judged, table):
    asked = settings("http://h", table, objective=(100.0, 0.01), rate=1.0, seconds=10.0)
    result = logic.judge(steady(10, 1), asked)
    assert codes(result) == [("objective_undecided", "warn")]
    assert "p95_high_ms" not in result.scores
    assert "| inf |" not in result.report.markdown()


def test_errors_at_once_do_not_make_an_endpoint_fast_and_timeouts_make_it_slow(judged):
    fast = steady(1000, 0.1, "http_503").requests[:500] + steady(1000, 150).requests[500:]
    result = judged(Run(fast, "ok", 10.0, 0.1, 0.0))
    assert result.scores["p50_ms"] == pytest.approx(150)
    waits = steady(1000, 5000, "timeout").requests[:100] + steady(1000, 1).requests[100:]
    assert judged(Run(waits, "ok", 10.0, 0.1, 0.0)).scores["p95_ms"] == pytest.approx(5000)
    nothing = judged(steady(1000, 1, "no_connection"))
    assert codes(nothing) == [("too_many_errors", "fail")]


def test_a_generator_that_takes_a_whole_core_warns_unless_all_is_well(judged):
    run = replace(steady(500, 50), cpu=0.97)
    assert codes(judged(run)) == [("objective_reached", ""), ("generator_behind", "warn")]
    assert judged(replace(steady(1000, 50), cpu=0.97)).verdict.decision == "pass"


def test_ranks_of_the_median_of_a_hundred_are_those_of_the_tables():
    times = np.arange(1.0, 101.0)
    found = figures.quantile(times, 0.5)
    assert (found.low, found.value, found.high) == (40, 50, 61)


def test_the_interval_holds_the_quantile_as_often_as_it_says():
    generator = np.random.default_rng(0)
    truth = -np.log(0.05)
    found = [figures.quantile(generator.exponential(size=400), 0.95) for _ in range(300)]
    assert 0.91 <= np.mean([q.low <= truth <= q.high for q in found]) <= 0.99


def test_latencies_that_come_in_spells_widen_the_interval():
    generator = np.random.default_rng(0)
    mixed = generator.permutation(np.r_[np.full(900, 1.0), np.linspace(50, 150, 100)])
    apart, spell = figures.quantile(mixed, 0.95), figures.quantile(np.sort(mixed), 0.95)
    assert spell.value == apart.value
    assert spell.high - spell.low > 2 * (apart.high - apart.low)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"rate": 0.0}, "`rate` must lie above 0"),
        ({"seconds": 4000.0}, "`duration_seconds` must lie above 0 and be at most 3600"),
        ({"requests": 10**9}, "`max_requests` must"),
        ({"users": 0}, "`users` must"),
        ({"rows": 0}, "`rows_per_request` must"),
        ({"timeout": float("nan")}, "`timeout_seconds` must"),
        ({"rate": 0.1}, "must give one request at least"),
        ({"objective": (0.0, 0.1)}, "`p95_objective_ms` must"),
        ({"objective": (1.0, 1.1)}, "`max_error_share` must"),
        ({"protocol": "both"}, "`protocol` must be one of"),
        ({"table": ""}, "`model` or `table` must be given"),
        ({"table": "/nowhere"}, "`table` must be a table"),
    ],
)
def test_bad_input_is_refused_by_name(table, changed, message):
    with pytest.raises(InputError, match=message):
        settings("http://h", **({"table": table} | changed))


def test_a_table_without_the_models_columns_is_refused(table, tmp_path):
    (tmp_path / "MLmodel").write_text(
        'flavors: {}\nsignature: {inputs: \'[{"type": "double", "name": "rooms"}]\'}\n'
    )
    amount = (1.0, 1.0, 1, 1, 1, 1.0)
    with pytest.raises(InputError, match=r"`table` must hold rows .* no \['rooms'\]"):
        logic.ask(("http://h", NAME, ""), "v1", str(tmp_path), table, amount, (1.0, 0.0))
