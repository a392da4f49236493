"""How KFP is reached, and what is said when it is not."""

import logging
import subprocess

import pytest

from holdfast.errors import MachineError
from holdfast.kubeflow.api import Access, Patience
from tests.services.kfp_server import Fault
from tests.submit.conftest import QUICK

CANARY = "T0KENcanary99"
GIVEN = ("-p", "uri=s3://b/t")
HTML = (("Content-Type", "text/html"),)


def test_without_an_address_it_says_how_to_get_one(cli, compiled):
    done = cli("submit", compiled, *GIVEN, endpoint=False)
    assert done.code == 2
    assert "--endpoint must name KFP's address" in done.stderr
    assert "kubectl port-forward --namespace kubeflow service/ml-pipeline-ui 8080:80" in done.stderr


def test_the_address_may_come_from_a_variable(kfp, cli, compiled, monkeypatch):
    monkeypatch.setenv("KFP_ENDPOINT", kfp.url)
    assert cli("submit", compiled, *GIVEN, endpoint=False).code == 0


def test_a_token_comes_from_its_variable(kfp, cli, compiled, monkeypatch):
    kfp.token = CANARY
    refused = cli("submit", compiled, *GIVEN)
    assert refused.code == 2
    assert "HTTP 401" in refused.stderr
    assert "Set KFP_TOKEN or KFP_COOKIE" in refused.stderr
    monkeypatch.setenv("MY_TOKEN", CANARY)
    assert cli("submit", compiled, *GIVEN, "--token-env", "MY_TOKEN").code == 0


def test_a_service_accounts_token_is_read_from_its_file(kfp, cli, compiled, monkeypatch, tmp_path):
    kfp.token = CANARY
    (tmp_path / "token").write_text(CANARY)
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(tmp_path / "token"))
    assert cli("submit", compiled, *GIVEN).code == 0


def test_a_login_page_is_told_and_its_session_is_taken_from_a_cookie(
    kfp, cli, compiled, monkeypatch
):
    kfp.cookie = f"authservice_session={CANARY}"
    refused = cli("submit", compiled, *GIVEN)
    assert refused.code == 2
    assert "HTTP 302" in refused.stderr
    assert "login page" in refused.stderr
    assert not [call for call in kfp.calls if "dex" in call[1]]
    monkeypatch.setenv("KFP_COOKIE", f"other=1; {kfp.cookie}")
    assert cli("submit", compiled, *GIVEN).code == 0
    assert len(kfp.runs) == 1


def test_a_page_instead_of_an_answer_is_told(kfp, cli, compiled):
    """What a user interface answers at an address that it does not know."""
    kfp.faults.append(Fault("GET", "/healthz", 200, b"<html>Kubeflow</html>", HTML))
    done = cli("submit", compiled, *GIVEN)
    assert done.code == 2
    assert "Found: a web page" in done.stderr
    assert kfp.objects["pipelines"] == []


@pytest.mark.parametrize("bad", [CANARY, f"a={CANARY}\nX-Evil: 1", f"={CANARY}"])
def test_a_cookie_that_is_none_is_not_shown(cli, compiled, monkeypatch, bad):
    monkeypatch.setenv("KFP_COOKIE", bad)
    done = cli("submit", compiled, *GIVEN)
    assert done.code == 2
    assert "KFP_COOKIE must hold a cookie" in done.stderr
    assert CANARY not in done.stderr


def test_several_users_need_a_namespace(kfp, cli, compiled, monkeypatch, tmp_path):
    from holdfast.commands import access

    kfp.multi_user = True
    refused = cli("submit", compiled, *GIVEN)
    assert refused.code == 2
    assert "--namespace must name" in refused.stderr
    assert cli("submit", compiled, *GIVEN, "--namespace", "team").code == 0
    assert kfp.namespaces[kfp.runs[0].run_id] == "team"
    assert "nothing started" in cli("submit", compiled, *GIVEN, "--namespace", "team").stderr
    (tmp_path / "namespace").write_text("mine\n")
    monkeypatch.setattr(access, "NAMESPACE_FILE", tmp_path / "namespace")
    assert cli("submit", compiled, *GIVEN).code == 0
    assert kfp.namespaces[kfp.runs[-1].run_id] == "mine"


def test_a_forbidden_namespace_says_what_is_lacking(kfp, cli, compiled):
    kfp.forbidden = ("team",)
    done = cli("submit", compiled, *GIVEN, "--namespace", "team")
    assert done.code == 2
    assert "HTTP 403" in done.stderr
    assert "a role in namespace team" in done.stderr


PATHS = [("GET", "/healthz"), ("GET", "/pipelines"), ("POST", "/pipelines"),
         ("POST", "/pipelines/upload_version"), ("GET", "/experiments"), ("POST", "/experiments"),
         ("GET", "/runs"), ("POST", "/runs")]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), PATHS)
@pytest.mark.parametrize(
    ("fault", "code", "told"),
    [
        ({"status": 401}, 2, "Set KFP_TOKEN"),
        ({"status": 403}, 2, "a role in namespace"),
        ({"status": 404}, 2, "Check `endpoint`"),
        ({"status": 409}, 2, "run it again"),
        ({"status": 500}, 3, "Try later"),
        ({}, 3, "Check that it runs"),
    ],
    ids=["401", "403", "404", "409", "500", "cut off"],
)
def test_each_refusal_says_what_to_do(kfp, cli, compiled, method, path, fault, code, told):
    body = b'{"message": "It is so.", "error_message": "It is so."}'
    kfp.faults.append(Fault(method, path, body=body, times=9, **fault))
    done = cli("submit", compiled, *GIVEN)
    assert done.code == code
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    if fault:
        assert f"HTTP {fault['status']}: It is so" in done.stderr


def test_a_hung_server_is_told_after_the_timeout(kfp, cli, compiled):
    from dataclasses import replace

    kfp.faults.append(Fault("GET", "/healthz", hangs=True))
    done = cli("submit", compiled, *GIVEN, "--timeout", "1", patience=replace(QUICK, attempts=1))
    assert done.code == 3
    assert "must answer within 1 s" in done.stderr


@pytest.mark.parametrize("bad", ["0", "-1", "soon", "5000", "99999"])
def test_a_timeout_that_is_none_is_refused_and_the_bounds_are_told(cli, compiled, bad):
    done = cli("submit", compiled, *GIVEN, f"--timeout={bad}")
    assert done.code == 2
    assert f"must be whole seconds from 1 to 3600. Found: '{bad}'." in done.stderr


def test_a_server_that_is_away_is_told(cli, compiled):
    cli.url = "http://127.0.0.1:9"
    done = cli("submit", compiled, *GIVEN)
    assert done.code == 3
    assert "KFP at http://127.0.0.1:9 must answer" in done.stderr


def test_a_server_without_tls_and_a_certificate_file_that_is_none_are_told(
    kfp, cli, compiled, monkeypatch, tmp_path
):
    cli.url = kfp.url.replace("http:", "https:")
    done = cli("submit", compiled, *GIVEN)
    assert done.code in (2, 3)
    assert "Traceback" not in done.stderr
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    done = cli("submit", compiled, *GIVEN)
    assert done.code == 2
    assert "SSL_CERT_FILE" in done.stderr


def test_no_secret_is_in_anything_that_is_written(kfp, compiled, monkeypatch, caplog, cli):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("KFP_TOKEN", CANARY)
    monkeypatch.setenv("KFP_COOKIE", f"authservice_session={CANARY}second")
    written = [str(cli("submit", compiled, *GIVEN, "--json"))]
    echo = f'{{"message": "no {CANARY} and no authservice_session={CANARY}second"}}'.encode()
    kfp.faults.append(Fault("GET", "/runs", 400, echo))
    written.append(str(cli("submit", compiled, *GIVEN)))
    written.append(str(cli("schedule", compiled, "--every", "1h", *GIVEN)))
    assert "HTTP 400" in written[1]
    for text in (*written, caplog.text):
        assert CANARY not in text
    assert not [body for _, body in kfp.bodies if CANARY in body]


def test_a_token_that_is_longer_than_what_is_shown_is_masked_whole(kfp, compiled, monkeypatch, cli):
    token = "eyJ" + "a" * 1000
    monkeypatch.setenv("KFP_TOKEN", token)
    kfp.faults.append(Fault("GET", "/runs", 401, f'{{"message": "bearer {token}"}}'.encode()))
    done = cli("submit", compiled, *GIVEN)
    assert "bearer ***" in done.stderr
    assert "aaaa" not in done.stderr


def test_a_certificate_that_is_not_trusted_names_the_variable(tmp_path, compiled, cli, monkeypatch):
    """A server with a certificate of its own making."""
    import ssl
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out",
         certificate, "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost"],
        check=True, capture_output=True,
    )  # fmt: skip

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(401)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    cli.url = f"https://localhost:{server.server_port}"
    try:
        done = cli("submit", compiled, *GIVEN)
        assert done.code == 2
        assert "certificates to trust in SSL_CERT_FILE" in done.stderr
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert "HTTP 401" in cli("submit", compiled, *GIVEN).stderr
    finally:
        server.shutdown()
        server.server_close()


def test_a_wrong_use_of_the_client_is_not_taken_for_an_answer(kfp):
    """What is no error of KFP's stays what it is."""
    reached = Access(kfp.url, patience=Patience(attempts=1))
    with pytest.raises(AttributeError):
        reached.once(reached.client().nothing)
    with pytest.raises(MachineError, match="must answer"):
        reached.once(_Broken(reached.client()).call)


class _Broken:
    def __init__(self, client):
        self.api_client = client

    def call(self, **_):
        from urllib3.exceptions import ProtocolError

        raise ProtocolError("cut")
