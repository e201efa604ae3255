"""Which variables of a crontab hold credentials, and which comments may."""

import pytest

from myscheduler.core.crontab.credentials import is_credential_variable, may_hold_credential


@pytest.mark.parametrize(
    ("name", "is_credential"),
    [
        pytest.param("API_TOKEN", True, id="name of a credential"),
        pytest.param("GITLAB_PAT", True, id="short name"),
        pytest.param("pin2", True, id="with a number"),
        pytest.param("PW_PROD", True, id="short name in front"),
        pytest.param("SMTPPASS", True, id="run together"),
        pytest.param("KEY", True, id="key"),
        pytest.param("LOGIN_URL", False, id="about one"),
        pytest.param("TOKEN_FILE", False, id="where one stands"),
        pytest.param("MAILTO", False, id="cron's own"),
        pytest.param("PINGED", False, id="longer word"),
        pytest.param("_1", False, id="no letters"),
    ],
)
def test_variables(name: str, is_credential: bool) -> None:
    assert is_credential_variable(name) is is_credential


@pytest.mark.parametrize(
    ("comment", "telling"),
    [
        pytest.param("curl -u bob:hunter2 https://x.test/", True, id="call that was"),
        pytest.param("was: /usr/bin/wget x", True, id="program with a path"),
        pytest.param("Nightly: mysql -phunter2", True, id="option"),
        pytest.param("as deploy:hunter2@x.test", True, id="login before a host"),
        pytest.param("Nightly, password: hunter2 token hunter2", True, id="names in between"),
        pytest.param("pw=hunter2", True, id="short name"),
        pytest.param("the API key is hunter2", True, id="two words"),
        pytest.param("X-TokenHeader hunter2", True, id="within a name"),
        pytest.param("パスワードはhunter2", True, id="Japanese"),
        pytest.param(
            "see https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX", True, id="look"
        ),
        pytest.param("日次レポート生成", False, id="words"),
        pytest.param(
            "Once per hour - one at a time (see https://wiki.x.test/jobs?a=b): a re-run is fine", False, id="URL"
        ),
        pytest.param("Passengers on the keyboard, 5 pinned", False, id="longer words"),
    ],
)
def test_comments(comment: str, telling: bool) -> None:
    assert may_hold_credential(comment) is telling
