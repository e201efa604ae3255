"""Which variables of a crontab hold credentials."""

import pytest

from myscheduler.core.crontab_credentials import is_credential_variable


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
