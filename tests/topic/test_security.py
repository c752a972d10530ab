from __future__ import annotations

import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamsel.errors import UsageError
from streamsel.topic.connection import Connection
from streamsel.topic.security import KEYS, MECHANISMS, PROTOCOLS, Security

HUSH = "corr3ct-h0rse"
"""A secret that must be told nowhere."""


def test_nothing_said_is_no_security() -> None:
    assert Security.of({}, {}) == Security()
    assert Security().client_options() == {"security_protocol": "PLAINTEXT"}


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_user_logs_in(mechanism: str, tmp_path: Path) -> None:
    (tmp_path / "word").write_text(f"{HUSH}\n")
    given = {"protocol": "sasl_plaintext", "mechanism": mechanism.lower(), "username": "cam"}
    options = Security.of({**given, "password_file": str(tmp_path / "word")}, {}).client_options()
    assert options == {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": mechanism,
        "sasl_plain_username": "cam",
        "sasl_plain_password": HUSH,
    }


def test_the_environment_fills_what_a_config_lacks(tmp_path: Path) -> None:
    environ = {
        "STREAMSEL_KAFKA_SECURITY": "SASL_PLAINTEXT",
        "STREAMSEL_KAFKA_MECHANISM": "PLAIN",
        "STREAMSEL_KAFKA_USERNAME": "theirs",
        "STREAMSEL_KAFKA_PASSWORD": HUSH,
    }
    alone = Security.of({}, environ)
    assert (alone.protocol, alone.mechanism, alone.username, alone.password) == (
        "SASL_PLAINTEXT",
        "PLAIN",
        "theirs",
        HUSH,
    )
    (tmp_path / "word").write_text("other")
    both = Security.of({"username": "ours", "password_file": str(tmp_path / "word")}, environ)
    assert (both.username, both.password) == ("ours", "other")


def test_environment_files(tmp_path: Path) -> None:
    (tmp_path / "word").write_text(HUSH)
    environ = {"STREAMSEL_KAFKA_USERNAME": "cam", "STREAMSEL_KAFKA_PASSWORD_FILE": str(tmp_path / "word")}
    assert Security.of({}, environ).password == HUSH
    assert Security.of({}, {"STREAMSEL_KAFKA_TOKEN_FILE": "t"}).token_file == Path("t")
    assert Security.of({"username": "cam", "password_env": "MINE"}, {"MINE": HUSH}).password == HUSH


def test_the_safe_form_is_the_default() -> None:
    user = Security.of({"username": "cam", "password_env": "P"}, {"P": HUSH})
    assert (user.protocol, user.mechanism) == ("SASL_SSL", "SCRAM-SHA-512")
    bearer = Security.of({"token_env": "T"}, {"T": HUSH})
    assert (bearer.protocol, bearer.mechanism) == ("SASL_SSL", "OAUTHBEARER")
    assert Security.of({"ca": "ca.pem"}, {}).protocol == "SSL"


def test_a_token_file_is_read_for_each_login(tmp_path: Path) -> None:
    file = tmp_path / "token"
    provider = Security.of({"token_file": str(file)}, {}).client_options()["sasl_oauth_token_provider"]
    for token in ("first", "second"):
        file.write_text(f"{token}\n")
        assert provider.token() == token
    file.unlink()
    with pytest.raises(UsageError, match="token: cannot be read: No such file"):
        provider.token()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"password": HUSH}, "password_file or password_env"),
        ({"token": HUSH, "token_file": "t"}, "token_file or token_env"),
        ({"pasword_file": "p"}, "did you mean 'password_file'"),
        ({"protocol": "TLS"}, "one of PLAINTEXT, SSL"),
        ({"mechanism": "GSSAPI", "username": "cam", "password_env": "P"}, "one of PLAIN, SCRAM"),
        ({"protocol": "SASL_SSL"}, "needs a mechanism"),
        ({"username": "cam"}, "needs username and password_file"),
        ({"mechanism": "OAUTHBEARER", "protocol": "SASL_SSL"}, "needs a token"),
        ({"protocol": "SSL", "username": "cam", "password_env": "P"}, "SSL has no login"),
        ({"protocol": "PLAINTEXT", "ca": "ca.pem"}, "PLAINTEXT has no certificates"),
        ({"protocol": "SSL", "key": "k.pem"}, "a key without its certificate"),
        ({"username": "cam", "password_env": "UNSET"}, "password_env: no such environment variable is set"),
        ({"username": "cam", "password_file": "/no/such/file"}, "/no/such/file: cannot be read"),
    ],
)
def test_what_does_not_fit_is_one_clear_line(wrong: dict[str, str], says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        Security.of(wrong, {"P": HUSH})
    assert "\n" not in str(caught.value)
    assert HUSH not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("damaged", [b"", b"\xff\xfe\x00", b"\n"])
def test_a_damaged_secret_is_one_clear_line(damaged: bytes, tmp_path: Path) -> None:
    (tmp_path / "word").write_bytes(damaged)
    with pytest.raises(UsageError, match=r"word: (is empty|expected a secret)"):
        Security.of({"username": "cam", "password_file": str(tmp_path / "word")}, {})


@pytest.mark.parametrize("part", ["ca", "certificate"])
@pytest.mark.parametrize("held", [None, "not a certificate"])
def test_a_damaged_certificate_is_one_clear_line(part: str, held: str | None, tmp_path: Path) -> None:
    file = tmp_path / "it.pem"
    if held:
        file.write_text(held)
    with pytest.raises(UsageError, match=r"it\.pem: (cannot be read|expected a?\s?certificate)"):
        Security.of({part: str(file)}, {}).client_options()


@given(st.text(min_size=8).filter(str.isprintable))
def test_secrets_never_show(secret: str) -> None:
    hidden = f"<{secret}>"
    user = Security("SASL_PLAINTEXT", "PLAIN", "cam", hidden)
    bearer = Security("SASL_PLAINTEXT", "OAUTHBEARER", token=hidden)
    for security in (user, bearer):
        assert hidden not in f"{security!r} {security} {Connection(['a:1'], security)!r}"
        assert hidden not in f"{security.client_options()}"


@given(st.dictionaries(st.sampled_from([*KEYS, "other"]), st.sampled_from([*PROTOCOLS, *MECHANISMS, "x", ""])))
def test_any_config_is_a_security_or_a_usage_error(given: dict[str, str]) -> None:
    try:
        security = Security.of(given, {"x": HUSH})
    except UsageError:
        return
    assert security.login == (security.mechanism != "")
    assert security.encrypted or not (security.ca or security.certificate)


def test_a_password_in_place_of_a_variable_is_not_shown() -> None:
    with pytest.raises(UsageError, match="never the secret") as error:
        Security.of({"username": "cam", "password_env": HUSH}, {})
    assert HUSH not in str(error.value)
