"""send_alert against real receivers that refuse, hang, limit rates and break off."""

import json
import logging
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from holdfast.errors import InputError, MachineError
from holdfast.monitoring.journal import Journal
from holdfast.monitoring.send_alert import logic
from holdfast.monitoring.send_alert.conditions import Facts, holds, text_of
from holdfast.monitoring.send_alert.delivery import Patience
from holdfast.monitoring.send_alert.rules import read_rules
from holdfast.monitoring.send_alert.secrets import Secrets
from holdfast.monitoring.send_alert.spool import read_spool
from holdfast.verdict import Reason, Verdict
from tests.monitoring.receivers import Answer, http_receiver, mail_server, self_signed

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
# Looked for in everything that is written.
CANARY = "T0KENcanary99"
QUICK = Patience(attempts=3, timeout=20, wait=0.01)
# For receivers that hang, which they do for longer than that.
SHORT = Patience(attempts=3, timeout=4, wait=0.01)
LOST = Verdict(
    "fail",
    (Reason("dropped", "roc_auc", "0.71", "at least 0.8", "roc_auc fell from 0.8 to 0.71."),),
)
RULES = """
cooldown: 6h
channels:
  hook: {kind: webhook, url_env: HOOK_URL, token_env: HOOK_TOKEN}
rules:
  - name: lost
    severity: warning
    when: {verdict: performance, decision: [fail]}
    channels: [hook]
"""


def facts(verdict=LOST, window="2026-11-21", **metrics):
    return Facts("churn", window, {"performance": verdict}, {"metrics": metrics})


def send(rules, about, receiver=None, hours=0, earlier="", patience=QUICK, **options):
    """Send with a webhook's address and a token that hold the canary."""
    url = f"{receiver.url}/{CANARY}" if receiver else f"http://127.0.0.1:9/{CANARY}"
    variables = {"HOOK_URL": url, "HOOK_TOKEN": f"{CANARY}-token"}
    chosen = logic.Options(patience=patience, **options)
    now = NOON + timedelta(hours=hours)
    return logic.send(rules, about, earlier, chosen, Secrets(variables), now)


def outcomes(outcome):
    return [alert.outcome for alert in outcome.alerts]


# What is told, and to whom


def test_a_rule_that_fires_is_told_with_its_reasons(store):
    with http_receiver() as receiver:
        outcome = send(RULES, facts(), receiver)
    assert outcome.go_on() == "sent"
    (request,) = receiver.requests
    assert request.headers["authorization"] == f"Bearer {CANARY}-token"
    told = request.json
    assert (told["alert"], told["severity"], told["status"]) == ("lost", "warning", "firing")
    assert told["text"] == "roc_auc fell from 0.8 to 0.71."
    assert told["findings"][0]["subject"] == "roc_auc"
    assert request.headers["idempotency-key"]


def test_a_rule_that_does_not_fire_sends_nothing(store):
    with http_receiver() as receiver:
        assert send(RULES, facts(Verdict("pass")), receiver).go_on() == "quiet"
    assert receiver.requests == []


def test_within_the_cooldown_an_alert_is_counted_and_not_told(store):
    with http_receiver() as receiver:
        send(RULES, facts(), receiver)
        second = send(RULES, facts(window="2026-11-22"), receiver, hours=2)
        third = send(RULES, facts(window="2026-11-23"), receiver, hours=5)
        fourth = send(RULES, facts(window="2026-11-24"), receiver, hours=7)
    assert [o.go_on() for o in (second, third, fourth)] == ["suppressed", "suppressed", "sent"]
    assert third.alerts[0].suppressed == 2
    assert [r.json["suppressed"] for r in receiver.requests] == [0, 2]
    assert receiver.requests[0].json["since"] == receiver.requests[1].json["since"]


def test_a_step_that_is_tried_again_tells_nothing_twice(store):
    with http_receiver() as receiver:
        send(RULES, facts(), receiver)
        again = send(RULES, facts(), receiver, hours=9)
    assert outcomes(again) == ["told before"]
    assert again.go_on() == "suppressed"
    assert len(receiver.requests) == 1


def test_a_worse_severity_is_told_within_the_cooldown(store):
    rules = RULES + (
        "  - {name: worse, alert: lost, severity: critical, channels: [hook],\n"
        "     when: {metric: roc_auc, below: 0.6}}\n"
    )
    with http_receiver() as receiver:
        send(rules, facts(roc_auc=0.71), receiver)
        worse = send(rules, facts(window="2026-11-22", roc_auc=0.5), receiver, hours=1)
        better = send(rules, facts(window="2026-11-23", roc_auc=0.7), receiver, hours=2)
    assert (outcomes(worse), outcomes(better)) == (["told"], ["suppressed"])
    assert [r.json["severity"] for r in receiver.requests] == ["warning", "critical"]


def test_an_alert_that_is_over_is_told_once(store):
    with http_receiver() as receiver:
        send(RULES, facts(), receiver)
        over = send(RULES, facts(Verdict("pass"), "2026-11-22"), receiver, hours=1)
        quiet = send(RULES, facts(Verdict("pass"), "2026-11-23"), receiver, hours=2)
    assert (outcomes(over), outcomes(quiet)) == (["resolved"], ["quiet"])
    assert [r.json["status"] for r in receiver.requests] == ["firing", "resolved"]


def test_an_alert_that_comes_back_within_the_cooldown_is_told(store):
    with http_receiver() as receiver:
        send(RULES, facts(), receiver)
        send(RULES, facts(Verdict("pass"), "2026-11-22"), receiver, hours=1)
        assert outcomes(send(RULES, facts(window="2026-11-23"), receiver, hours=2)) == ["told"]


def test_an_older_window_that_comes_late_resolves_nothing(store):
    with http_receiver() as receiver:
        send(RULES, facts(), receiver)
        late = send(RULES, facts(Verdict("pass"), "2026-11-20"), receiver, hours=1)
    assert outcomes(late) == ["quiet"]
    assert len(receiver.requests) == 1


def test_two_watched_things_do_not_silence_each_other(store):
    with http_receiver() as receiver:
        send(RULES, facts(), receiver)
        send(RULES, replace(facts(), name="fraud"), receiver)
    assert [r.json["name"] for r in receiver.requests] == ["churn", "fraud"]


def test_a_step_that_came_between_is_taken_into_account(store, monkeypatch):
    append = Journal._append
    with http_receiver() as receiver:

        def come_between(journal, *arguments):
            monkeypatch.setattr(Journal, "_append", append)
            send(RULES, facts(window="2026-11-20"), receiver)
            return append(journal, *arguments)

        monkeypatch.setattr(Journal, "_append", come_between)
        outcome = send(RULES, facts(), receiver)
    assert outcomes(outcome) == ["suppressed"]
    assert len(receiver.requests) == 1


def test_the_journal_stays_short(store, monkeypatch):
    monkeypatch.setattr(logic, "KEPT", 3)
    with http_receiver() as receiver:
        for day in range(1, 6):
            send(RULES, facts(window=f"2026-11-{day:02d}"), receiver, hours=day * 24)
    assert len(receiver.requests) == 5
    assert len(store.search_model_versions("name = 'churn.alerts'")) == 3


def test_without_memory_every_alert_is_told_each_time(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with http_receiver() as receiver:
        for _ in range(2):
            assert send(RULES, facts(), receiver, remember=False).go_on() == "sent"
    assert len(receiver.requests) == 2


def test_an_alert_is_sent_though_mlflow_is_away_and_the_step_says_so(store, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://user:{CANARY}@127.0.0.1:9")
    with http_receiver() as receiver:
        outcome = send(RULES, facts(), receiver)
    assert len(receiver.requests) == 1
    with pytest.raises(MachineError, match="MLflow") as told:
        outcome.go_on()
    assert CANARY not in str(told.value)


def test_a_dry_run_sends_and_remembers_nothing(store):
    with http_receiver() as receiver:
        dry = send(RULES, facts(), receiver, dry_run=True)
        assert dry.go_on() == "dry_run"
        assert "would be sent" in dry.page.markdown()
        assert receiver.requests == []
        assert send(RULES, facts(), receiver).go_on() == "sent"


# Networks


@pytest.mark.parametrize(
    ("bad", "tries"),
    [
        (Answer(500), 2),
        (Answer(503), 2),
        (Answer(hang=True), 2),
        (Answer(cut=True), 2),
        (Answer(cut_body=True), 2),
        (Answer(trickle=True), 2),
        (Answer(429, headers=(("Retry-After", "0"),)), 2),
    ],
    ids=["500", "503", "hangs", "cuts", "cuts the body", "trickles", "limits the rate"],
)
def test_what_may_pass_is_tried_again_with_the_same_key(store, bad, tries):
    patience = SHORT if bad.hang or bad.trickle else QUICK
    with http_receiver(bad, Answer()) as receiver:
        assert send(RULES, facts(), receiver, patience=patience).go_on() == "sent"
    assert len(receiver.requests) == tries
    assert len({r.headers["idempotency-key"] for r in receiver.requests}) == 1


def test_retry_after_is_waited_for(store, monkeypatch):
    waited = []
    monkeypatch.setattr("tenacity.nap.time.sleep", waited.append)
    when = (datetime.now(UTC) + timedelta(seconds=55)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    asked = [Answer(429, headers=(("Retry-After", text),)) for text in ("7", when)]
    with http_receiver(*asked, Answer()) as receiver:
        assert send(RULES, facts(), receiver).go_on() == "sent"
    assert waited[0] == 7
    assert 0 < waited[1] <= 55


def test_who_asks_for_more_than_a_minute_is_left_alone(store):
    with http_receiver(Answer(429, headers=(("Retry-After", "3600"),))) as receiver:
        assert send(RULES, facts(), receiver).decision == "unsent"
    assert len(receiver.requests) == 1


@pytest.mark.parametrize("status", [302, 400, 403, 404, 410])
def test_what_will_not_pass_is_not_tried_again(store, status):
    with http_receiver(Answer(status, b"invalid_token")) as receiver:
        outcome = send(RULES, facts(), receiver)
    assert len(receiver.requests) == 1
    with pytest.raises(InputError, match=f"HTTP {status}: invalid_token"):
        outcome.go_on()


def test_what_did_not_arrive_fails_the_step_and_is_sent_first_by_the_next(store, tmp_path):
    with http_receiver(Answer(500)) as receiver:
        outcome = send(RULES, facts(), receiver)
    assert len(receiver.requests) == 3
    with pytest.raises(InputError, match=r"1 that did not.*\[WARNING\] churn: lost.*3 times"):
        outcome.go_on()
    # Its artifacts are lost, as on a cluster.
    with http_receiver() as receiver:
        later = send(RULES, facts(Verdict("pass"), "2026-11-22"), receiver, hours=24)
    assert later.go_on() == "sent"
    assert [(r.json["window"], r.json["status"]) for r in receiver.requests] == [
        ("2026-11-21", "firing"),
        ("2026-11-22", "resolved"),
    ]


def test_a_step_that_fails_and_is_tried_again_sends_what_it_owed(store):
    send(RULES, facts())
    with http_receiver() as receiver:
        assert send(RULES, facts(), receiver).go_on() == "sent"
        send(RULES, facts(), receiver)
    assert len(receiver.requests) == 1


def test_the_spool_carries_what_did_not_arrive_without_mlflow(tmp_path):
    spool = tmp_path / "new" / "spool"
    first = send(RULES, facts(), remember=False, on_unsent="go_on")
    assert first.go_on() == "unsent"
    (tmp_path / "new").mkdir()
    assert first.write(tmp_path / "summary.md", spool)["deliveries"] == 1
    with http_receiver() as receiver:
        good = facts(Verdict("pass"), "2026-11-22")
        send(RULES, good, receiver, 24, str(spool), remember=False).go_on()
    assert [r.json["window"] for r in receiver.requests] == ["2026-11-21"]


def test_a_spool_that_comes_twice_is_sent_once(store, tmp_path):
    spool = tmp_path / "spool"
    first = send(RULES, facts(), on_unsent="go_on")
    first.write(tmp_path / "summary.md", spool)
    with http_receiver() as receiver:
        for day in (22, 23):
            good = facts(Verdict("pass"), f"2026-11-{day}")
            send(RULES, good, receiver, day, str(spool)).go_on()
    assert [r.json["status"] for r in receiver.requests] == ["firing", "resolved"]


def test_what_another_window_is_sending_right_now_is_left_to_it(store, monkeypatch):
    class KilledError(Exception):
        pass

    def die(run, delivery):
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(logic._Run, "_deliver", die)
        with pytest.raises(KilledError):
            send(RULES, facts())
    with http_receiver() as receiver:
        other = facts(window="2026-11-22")
        send(RULES, other, receiver, hours=0.1)
        assert receiver.requests == []
        # It did not come back for a quarter of an hour.
        send(RULES, other, receiver, hours=0.5)
        assert [r.json["window"] for r in receiver.requests] == ["2026-11-21"]


def test_what_is_older_than_a_week_is_given_up(store):
    send(RULES, facts())
    good = facts(Verdict("pass"), "2026-11-30")
    assert send(RULES, good, hours=24 * 8).decision == "unsent"
    with http_receiver() as receiver:
        last = send(RULES, facts(Verdict("pass"), "2026-12-01"), receiver, hours=24 * 9)
    assert last.go_on() == "sent"
    assert [r.json["status"] for r in receiver.requests] == ["resolved"]


def test_one_channel_that_is_down_does_not_keep_the_others(store):
    rules = RULES.replace("[hook]", "[other, hook]").replace(
        "rules:", "  other: {kind: webhook, url_env: NOT_SET}\nrules:"
    )
    with http_receiver() as receiver:
        outcome = send(rules, facts(), receiver)
    assert len(receiver.requests) == 1
    with pytest.raises(InputError, match="variable NOT_SET is not set"):
        outcome.go_on()


# Kinds of channels


def one_channel(channel):
    return RULES.replace(
        "hook: {kind: webhook, url_env: HOOK_URL, token_env: HOOK_TOKEN}", f"hook: {channel}"
    )


def test_slack_gets_plain_text_that_pings_nobody(store):
    evil = Reason("c", "<!channel>", "1", "2", "<!channel> <https://evil.test|here> & *bold*")
    rules = one_channel("{kind: slack, url_env: HOOK_URL}")
    about = facts(Verdict("fail", (evil,)), "<!here> & later")
    about = replace(about, links=("https://kfp.test/#/runs/1",))
    with http_receiver() as receiver:
        send(rules, about, receiver).go_on()
    told = receiver.requests[0].json
    data = [block for block in told["blocks"] if "evil" in json.dumps(block)]
    assert [block["text"]["type"] for block in data] == ["plain_text"]
    assert told["text"] == "[WARNING] churn: lost (&lt;!here&gt; &amp; later)"
    assert told["blocks"][-1]["elements"][0]["text"] == "<https://kfp.test/#/runs/1>"


def test_alertmanager_gets_the_same_labels_when_it_is_over(store):
    rules = one_channel("{kind: alertmanager, url_env: HOOK_URL, labels: {team: risk}}")
    with http_receiver() as receiver:
        send(rules, facts(), receiver).go_on()
        send(rules, facts(Verdict("pass"), "2026-11-22"), receiver, hours=1).go_on()
    assert receiver.requests[0].path == f"/{CANARY}/api/v2/alerts"
    first, last = (request.json[0] for request in receiver.requests)
    assert first["labels"] == {"alertname": "lost", "name": "churn", "team": "risk"}
    assert last["labels"] == first["labels"]
    assert last["startsAt"] == first["startsAt"] == NOON.isoformat()
    assert last["endsAt"] == (NOON + timedelta(hours=1)).isoformat()
    assert datetime.fromisoformat(first["endsAt"]) > datetime.now(UTC) + timedelta(hours=47)


def test_pushgateway_gets_the_gauges_of_every_window(store):
    rules = RULES.replace("rules:", "  gauges: {kind: pushgateway, url_env: GAUGES}\nrules:")
    hostile = 'a"b\\c\nd'
    with http_receiver() as receiver:
        variables = {"GAUGES": receiver.url, "HOOK_URL": receiver.url, "HOOK_TOKEN": CANARY}
        for verdict in (Verdict("pass"), LOST):
            about = replace(facts(verdict), metrics={"metrics": {"roc_auc": 0.5, hostile: 1.0}})
            options = logic.Options(patience=QUICK)
            logic.send(rules, about, "", options, Secrets(variables), NOON).go_on()
    pushed = [r for r in receiver.requests if r.method == "PUT"]
    assert len(pushed) == 2
    assert pushed[0].path == "/metrics/job/holdfast/name@base64/Y2h1cm4="
    text = pushed[1].body.decode()
    assert 'holdfast_metric{of="metrics",metric="roc_auc"} 0.5\n' in text
    assert r'metric="a\"b\\c\nd"' in text
    assert 'holdfast_verdict{verdict="performance",decision="fail"} 1.0\n' in text
    assert 'holdfast_alert{alert="lost",severity="warning"} 1.0\n' in text
    assert text.endswith("\n")
    assert 'holdfast_alert{alert="lost"' not in pushed[0].body.decode()


def test_gauges_of_an_older_window_do_not_take_the_place_of_newer_ones(store):
    rules = RULES.replace("rules:", "  gauges: {kind: pushgateway, url_env: HOOK_URL}\nrules:")
    with http_receiver() as receiver:
        for window in ("2026-11-21", "2026-11-20"):
            send(rules, facts(Verdict("pass"), window), receiver).go_on()
    assert len(receiver.requests) == 1


MAIL = """{kind: email, server_env: SMTP_SERVER, user_env: SMTP_USER, password_env: SMTP_PASSWORD,
         sender: monitor@test.org, to: [a@test.org, b@test.org]%s}"""


def mail(mailbox, more="", password=CANARY, patience=QUICK):
    variables = {
        "SMTP_SERVER": mailbox.address, "SMTP_USER": "monitor", "SMTP_PASSWORD": password,
    }  # fmt: skip
    rules = one_channel(MAIL % more)
    options = logic.Options(patience=patience, remember=False)
    return logic.send(rules, facts(), "", options, Secrets(variables), NOON)


@pytest.fixture
def certificate(tmp_path, monkeypatch):
    certificate = self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    return certificate


@pytest.fixture
def account(certificate):
    return {"certificate": certificate, "user": "monitor", "password": CANARY}


def test_a_mail_goes_over_tls_with_a_login(account):
    with mail_server(**account) as mailbox:
        assert mail(mailbox).go_on() == "sent"
    (letter,) = mailbox.letters
    assert (letter.encrypted, letter.user) == (True, "monitor")
    assert letter.recipients == ["a@test.org", "b@test.org"]
    assert "Subject: [WARNING] churn: lost (2026-11-21)" in letter.text
    assert "roc_auc fell from 0.8 to 0.71." in letter.text


def test_a_mail_goes_over_implicit_tls(account):
    with mail_server(implicit=True, **account) as mailbox:
        assert mail(mailbox, ", tls: implicit").go_on() == "sent"
    assert mailbox.letters[0].encrypted


@pytest.mark.parametrize("manner", ["busy", "hang", "cut"])
def test_a_mail_server_that_is_busy_hangs_or_breaks_off_is_tried_again(account, manner):
    patience = SHORT if manner == "hang" else QUICK
    with mail_server(manner, "ok", **account) as mailbox:
        assert mail(mailbox, patience=patience).go_on() == "sent"
    assert (mailbox.connections, len(mailbox.letters)) == (2, 1)


def test_a_mail_server_that_says_never_is_not_tried_again(account):
    with mail_server("never", **account) as mailbox:
        outcome = mail(mailbox)
    assert mailbox.connections == 1
    assert "SMTP 554: no" in outcome.unsent[0].last_error


def test_a_wrong_password_is_said_and_not_shown(account):
    with mail_server(**account) as mailbox:
        outcome = mail(mailbox, password=f"{CANARY}-old")
    assert "SMTP 535" in outcome.unsent[0].last_error
    assert CANARY not in outcome.unsent[0].last_error


def test_a_recipient_who_was_refused_is_told(account):
    with mail_server(refused=["b@test.org"], **account) as mailbox:
        outcome = mail(mailbox)
    assert "1 of 2 recipients were refused" in outcome.unsent[0].last_error


def test_no_password_goes_to_a_server_without_tls(certificate):
    with mail_server(user="monitor", password=CANARY) as mailbox:
        outcome = mail(mailbox)
    assert mailbox.letters == []
    assert "STARTTLS" in outcome.unsent[0].last_error
    with pytest.raises(InputError, match="over TLS only"):
        mail(mailbox, ", tls: none")


def test_a_mail_server_with_an_unknown_certificate_gets_nothing(account, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    with mail_server(**account) as mailbox:
        outcome = mail(mailbox)
    assert mailbox.connections == 1
    assert "certificate is not trusted" in outcome.unsent[0].last_error


def test_a_line_break_in_a_name_starts_no_header(account):
    rules = one_channel(MAIL % "").replace("performance, decision", "data, decision")
    evil = Verdict("fail", (Reason("c", "s", "o", "e", "x\r\nBcc: evil@test.org\r\n\r\nhi"),))
    with mail_server(**account) as mailbox:
        variables = {
            "SMTP_SERVER": mailbox.address, "SMTP_USER": "monitor", "SMTP_PASSWORD": CANARY,
        }  # fmt: skip
        about = Facts("churn", "2026-11-21", {"data": evil})
        options = logic.Options(patience=QUICK, remember=False)
        logic.send(rules, about, "", options, Secrets(variables), NOON).go_on()
    head, _, _ = mailbox.letters[0].text.partition("\r\n\r\n")
    assert "Bcc" not in head


# Secrets


@pytest.mark.parametrize(
    "answers",
    [(Answer(),), (Answer(500), Answer()), (Answer(404, f"no {CANARY}".encode()),)],
    ids=["arrives", "tried again", "echoed"],
)
def test_no_secret_is_in_anything_that_is_written(store, tmp_path, caplog, capfd, answers):
    logging.getLogger("httpx").setLevel(logging.NOTSET)
    caplog.set_level(logging.DEBUG)
    with http_receiver(*answers) as receiver:
        outcome = send(RULES, facts(), receiver)
    outcome.write(tmp_path / "summary.md", tmp_path / "spool")
    try:
        said = outcome.go_on()
    except InputError as error:
        said = str(error)
    out, err = capfd.readouterr()
    written = [p.read_bytes().decode("latin-1") for p in tmp_path.rglob("*") if p.is_file()]
    for text in (said, out, err, caplog.text, repr(outcome), *written):
        assert CANARY not in text


def test_what_a_variable_holds_is_taken_out_of_what_a_receiver_says():
    secrets = Secrets(
        {"URL": f"https://user:{CANARY}pw@x.test/services/T01/{CANARY}?key={CANARY}q"}
    )
    said = f"bad {CANARY} in /services/T01/{CANARY}, {CANARY}pw and key={CANARY}q"
    assert CANARY not in secrets.redact(said, "URL")
    assert secrets.redact("bad\nthing", "URL", "") == "bad thing"


def test_a_receiver_that_cannot_be_reached_is_named_without_its_address(store, caplog):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(InputError) as told:
        send(RULES, facts()).go_on()
    assert "churn: lost (2026-11-21) to hook: ConnectError" in str(told.value)
    assert CANARY not in str(told.value) + caplog.text


# Conditions and messages


def condition(text, about):
    rules = read_rules(RULES.replace("{verdict: performance, decision: [fail]}", text))
    return holds(rules.rules[0].when, about)


WARNED = Verdict("warn", (Reason("dropped", "f1", "o", "e", "m"), Reason("late", "x", "", "", "")))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{verdict: performance, decision: [fail, warn]}", True),
        ("{verdict: performance, decision: [fail]}", False),
        ("{verdict: performance, code: [dropped], subject: [f1]}", True),
        ("{verdict: performance, code: [dropped], subject: [x]}", False),
        ("{metric: share, above: 0.3}", False),
        ("{metric: share, at_least: 0.3}", True),
        ("{metric: share, at_least: 0.3, below: 0.4}", True),
        ("{metric: share, at_most: 0.2}", False),
        ("{none: [{metric: share, above: 0.3}]}", True),
        ("{all: [{metric: share, above: 0.1}, {verdict: performance, decision: [warn]}]}", True),
        ("{all: [{metric: share, above: 0.1}, {verdict: performance, decision: [pass]}]}", False),
        ("{any: [{metric: share, above: 0.9}, {verdict: performance, decision: [warn]}]}", True),
        # Of what is not there nothing is known, unless it does not matter.
        ("{verdict: drift, decision: [pass]}", None),
        ("{none: [{verdict: drift, decision: [pass]}]}", None),
        ("{any: [{metric: share, above: 0.1}, {verdict: drift, decision: [fail]}]}", True),
        ("{all: [{metric: share, above: 0.9}, {verdict: drift, decision: [fail]}]}", False),
        ("{all: [{metric: share, above: 0.1}, {metric: nothing, above: 1}]}", None),
    ],
)
def test_conditions_hold_as_they_read(text, expected):
    assert condition(text, facts(WARNED, share=0.3)) is expected


def test_a_rule_about_what_is_not_given_fails_the_step_after_the_others_were_told(store):
    rules = RULES + (
        "  - {name: moved, severity: info, channels: [hook],\n"
        "     when: {verdict: drift, decision: [fail]}}\n"
    )
    with http_receiver() as receiver:
        outcome = send(rules, facts(), receiver)
        assert len(receiver.requests) == 1
        with pytest.raises(InputError, match=r"moved \(the verdict drift\).*missing: quiet"):
            outcome.go_on()
        quiet = rules.replace("severity: info,", "severity: info, missing: quiet,")
        assert send(quiet, facts(), receiver).go_on() == "suppressed"


def test_an_alert_that_cannot_be_judged_is_not_resolved(store):
    with http_receiver() as receiver:
        send(RULES, facts(), receiver)
        unknown = Facts("churn", "2026-11-22", {})
        assert outcomes(send(RULES, unknown, receiver, hours=1)) == ["not judged"]
        good = facts(Verdict("pass"), "2026-11-23")
        assert outcomes(send(RULES, good, receiver, hours=2)) == ["resolved"]


def test_what_comes_from_data_is_never_a_template():
    rules = RULES.replace(
        "    channels: [hook]", "    message: '$reasons $$5'\n    channels: [hook]"
    )
    rule = read_rules(rules).rules[0]
    evil = Verdict("fail", (Reason("c", "s", "o", "e", "$name ${rule} {0.__class__} \u202e\x07"),))
    assert text_of(rule, facts(evil)) == "$name ${rule} {0.__class__}  $5"


def test_a_message_may_hold_metrics_and_verdicts():
    text = "'$name $window ${metrics.roc_auc} ${performance.decision} ${metrics.f1}'"
    rules = RULES.replace("    channels: [hook]", f"    message: {text}\n    channels: [hook]")
    told = text_of(read_rules(rules).rules[0], facts(roc_auc=0.7123456789))
    assert told == "churn 2026-11-21 0.712346 fail (not known)"


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("severity: warning", "severity: bad", "severity"),
        ("decision: [fail]", "decision: [bad]", "decision"),
        ("decision: [fail]", "", "decision, code or subject"),
        ("verdict: performance", "verdict: weather", "must be out of verdict, data"),
        ("{verdict: performance, decision: [fail]}", "{metric: x}", "above, at_least"),
        ("{verdict: performance, decision: [fail]}", "{}", "one of verdict, metric"),
        ("channels: [hook]", "channels: [nobody]", "channels that are not there: nobody"),
        ("cooldown: 6h", "cooldown: soon", "a span such as 30m"),
        ("kind: webhook", "kind: pigeon", "pigeon"),
        ("url_env: HOOK_URL", "url: 'http://x'", "url"),
        ("url_env: HOOK_URL", "url_env: 'https://hooks.slack.com/services/T/B/x'", "addresses"),
        ("name: lost", "name: lost\n    message: '$nonsense'", "unknown words: nonsense"),
        ("name: lost", "name: lost\n    message: 'costs $'", "a dollar sign"),
        ("name: lost", "name: lost\n    other: 1", "other"),
    ],
)
def test_rules_that_break_the_grammar_are_refused(old, new, finding):
    with pytest.raises(InputError, match=re.escape(finding)):
        read_rules(RULES.replace(old, new, 1))


def test_the_example_in_the_grammar_is_one():
    from holdfast.monitoring.send_alert import rules

    lines = rules.__doc__.split("\n")
    example = [line[4:] for line in lines if line.startswith("    ")]
    assert [r.name for r in read_rules("\n".join(example)).rules] == [
        "performance_lost",
        "drift_grows",
    ]


def test_a_file_that_is_no_spool_is_refused(tmp_path):
    (tmp_path / "spool").write_text('{"id": 1}\n')
    with pytest.raises(InputError, match="`earlier` must be the `spool`"):
        read_spool(str(tmp_path / "spool"))


def test_verdicts_and_numbers_are_gathered_by_role(tmp_path):
    LOST.write(tmp_path / "verdict")
    paths = ["", "", "", str(tmp_path / "verdict"), "", ""]
    found = logic.gather("churn", "w", paths, [{"a": 1, "b": "text", "c": True}, {}], [])
    assert found.verdicts == {"performance": LOST}
    assert found.metrics == {"metrics": {"a": 1.0}}


@pytest.mark.parametrize("link", ["ftp://x", "https://user:pw@x", "javascript:alert(1)", "a b"])
def test_a_link_that_is_no_plain_address_is_refused(link):
    with pytest.raises(InputError, match="`links`"):
        logic.gather("churn", "w", [""] * 6, [{}, {}], [link])
