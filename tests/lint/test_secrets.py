"""Secrets are found, what only looks like one is not, and no output holds one."""

import pytest

from holdfast.lint import engine, output
from holdfast.lint.secret_values import is_random, is_secret_name, without_secrets
from tests.lint import files
from tests.lint.files import changed, found, write

CONTAINER = "deploymentSpec/executors/exec-load/container"
# Put together here, so that no scanner takes this file for a leak.
LETTERS = "aB3dE6gH9jK2mN5pQ8rS1tU4vW7xY0zAbCdEfGhIjKlMnOpQr"
SECRETS = {
    "an AWS access key": "AKIA" + "QWERTYUIOP234567",
    "a GitHub token": "ghp_" + LETTERS[:36],
    "a GitLab token": "glpat-" + LETTERS[:20],
    "a Slack token": "xoxb-" + "123456789012-" + LETTERS[:24],
    "a Slack webhook": "https://hooks.slack.com/services/T0123ABCD/B0123ABCD/" + LETTERS[:24],
    "a Google API key": "AIza" + LETTERS[:35],
    "a Hugging Face token": "hf_" + LETTERS[:34],
    "an OpenAI or Anthropic key": "sk-ant-" + LETTERS[:40],
    "a Stripe key": "sk_live_" + LETTERS[:24],
    "a PyPI token": "pypi-" + LETTERS,
    "an npm token": "npm_" + LETTERS[:36],
    "an Azure account key": "AccountKey=" + LETTERS + LETTERS + "==",
    "a JSON web token": "eyJ" + LETTERS[:20] + ".eyJ" + LETTERS[:20] + "." + LETTERS[:20],
    "a private key": "-----BEGIN RSA PRIVATE KEY-----\n" + LETTERS,
    "a password in an address": "postgresql://me:" + "Tr0ub4dor" + "@host/db",
}


@pytest.mark.parametrize("what", SECRETS)
@pytest.mark.parametrize("where", ["env", "args", "defaultValue", "description", "source"])
def test_a_secret_is_an_error_wherever_it_is_and_is_never_shown(tmp_path, what, where):
    secret = SECRETS[what]
    if where == "env":
        parts = changed(CONTAINER, env=[{"name": "SETTING", "value": secret}])
    elif where == "args":
        parts = changed(CONTAINER, args=["--with", f"x={secret}"])
    elif where == "source":
        parts = changed(CONTAINER, command=["python3", "-c", f"def f():\n    a = '{secret}'\n"])
    else:
        inputs = "components/comp-load/inputDefinitions/parameters/uri"
        parts = changed(inputs, **{where: secret})
    report = engine.lint([write(tmp_path, *parts)])
    found = [r.finding for r in report.results if r.finding.rule == "HF601"]
    assert [f.severity for f in found] == ["error"]
    assert what in found[0].message
    hidden = secret.rpartition(":")[2].partition("@")[0] if "://me:" in secret else secret
    for write_as in output.FORMATS.values():
        assert hidden not in write_as(report)


@pytest.mark.parametrize(
    "text",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "postgresql://USER:PASSWORD@HOST/NAME",
        "postgresql://user:password@host/name",
        "https://{{$.inputs.parameters['user']}}:{{$.inputs.parameters['pw']}}@host",
        "s3://bucket/a:b@c",
        "https://host:8080/path?at=@x",
        "sk-learn-is-a-library-for-machine-learning-in-python",
        "task-1234567890123456789012345678901234567890",
        "ghp_token goes here",
        "hf_model_name_that_is_quite_long_but_has_words",
    ],
)
def test_what_only_looks_like_a_secret_is_none(tmp_path, text):
    assert found(tmp_path, *changed(CONTAINER, args=["--with", text])) == []


@pytest.mark.parametrize(
    "name, value, expected",
    [
        ("DB_PASSWORD", "hunter2", ["HF602 warning"]),
        ("api_key", LETTERS[:32], ["HF602 error"]),
        ("AWS_SECRET_ACCESS_KEY", LETTERS[:40], ["HF602 error"]),
        ("token", "change-me", []),
        ("token", "", []),
        ("PASSWORD_FILE", "/run/secrets/password", []),
        ("secret_name", "store-credentials", []),
        ("secret", "store-credentials", []),
        ("max_tokens", "4096", []),
        ("tokenizer", "bert-base-uncased", []),
        ("key", "customer_id", []),
        ("DB_PASSWORD", "{{$.inputs.parameters['password']}}", []),
    ],
)
def test_a_value_for_what_is_named_as_a_secret_is_found(tmp_path, name, value, expected):
    assert found(tmp_path, *changed(CONTAINER, env=[{"name": name, "value": value}])) == expected


def test_a_key_in_code_is_found(tmp_path):
    code = f"def f():\n    api_key = '{LETTERS[:32]}'\n"
    parts = changed(CONTAINER, command=["python3", "-c", code])
    assert found(tmp_path, *parts) == ["HF602 error"]
    harmless = (
        "def f(token='the-name-of-some-token-here'):\n    secret_key = 'aaaaaaaaaaaaaaaaaaaa1'\n"
    )
    assert found(tmp_path, *changed(CONTAINER, command=["python3", "-c", harmless])) == []


def test_names_of_secrets_are_told_from_names_of_their_names():
    assert [n for n in ("dbPassword", "API_KEY", "authToken") if not is_secret_name(n)] == []
    names = ("password_file", "token_url", "keys", "primary_key", "tokens", "")
    assert [n for n in names if is_secret_name(n)] == []


def test_a_random_text_is_long_and_mixed():
    assert is_random(LETTERS[:20])
    assert not is_random("aaaaaaaaaaaaaaaaaaaa1")
    assert not is_random("a plain sentence with 1 number in it")
    assert not is_random(LETTERS[:10])


def test_messages_are_rid_of_what_has_the_form_of_a_secret():
    assert without_secrets(f"runs {SECRETS['a GitHub token']} now") == "runs *** now"
    assert without_secrets("at https://me:word123@host/x") == "at https://me:***@host/x"


def test_a_secret_in_a_name_is_not_shown_by_other_rules(tmp_path):
    image = f"https://me:{'Tr0ub4dor'}@registry/tool"
    file = write(tmp_path, *changed(CONTAINER, image=image))
    assert all("Tr0ub4dor" not in finding.message for finding in files.findings(file))
