"""Who asks, by what a request presents; and when a service may begin to listen."""

from __future__ import annotations

import pytest

from landcover.errors import ConfigError
from serving.access.authenticator import Authenticator, is_local
from serving.access.principal import ANONYMOUS
from serving.access.refusals import UNKNOWN_CALLER, AmbiguousCredentials, NotAuthenticated
from serving.access.ring import KeyRing
from tests.serving.access.test_keys import Drawer, made
from tests.serving.access.test_tokens import verifier
from tests.serving.access.tokens import attacks, token


def opened(*keys, local=True, tokens=False):
    authenticator = Authenticator(KeyRing([Drawer(*keys)]), verifier()[0] if tokens else None, local=local)
    authenticator.refresh()
    return authenticator


def test_nobody_needs_a_key_on_the_own_machine_while_there_is_none():
    assert opened().identify([]) is ANONYMOUS
    for closed in (opened(local=False), opened(made()[1]), opened(tokens=True)):
        with pytest.raises(NotAuthenticated):
            closed.identify([])


def test_a_wrong_key_is_refused_even_where_none_is_needed():
    for presented in ("stp_x", "", "Basic abc", made()[0]):
        with pytest.raises(NotAuthenticated, match="carries no key"):
            opened().identify([presented])


def test_keys_and_tokens():
    text, key = made()
    authenticator = opened(key, local=False, tokens=True)
    assert authenticator.identify([text]) == key.principal
    assert authenticator.identify([text, text]) == key.principal
    good = token()
    if not authenticator.ready([good]):
        authenticator.refresh()
    assert authenticator.identify([good]).id == "oidc:u1"
    with pytest.raises(AmbiguousCredentials):
        authenticator.identify([text, good])


def test_the_words_do_not_depend_on_the_reason():
    text, key = made()
    authenticator = opened(key, local=False, tokens=True)
    words = set()
    for wrong in [*attacks().values(), text[:-1], made()[0], "stp_", f"stp_{key.id}_{'a' * 52}"]:
        if not authenticator.ready([wrong]):
            authenticator.refresh()
        with pytest.raises(NotAuthenticated) as caught:
            authenticator.identify([wrong])
        words.add(str(caught.value))
    assert words == {UNKNOWN_CALLER}


def test_when_the_service_may_listen():
    opened().check_start()
    opened(made()[1], local=False).check_start()
    opened(local=False, tokens=True).check_start()
    with pytest.raises(ConfigError, match="steppe keys create") as caught:
        opened(local=False).check_start()
    assert caught.value.exit_code == 4


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104 - that is the point
        ("::", False),
        ("", False),
        ("192.0.2.1", False),
        ("localhost.example.org", False),
        ("::ffff:192.0.2.1", False),
    ],
)
def test_which_addresses_only_this_machine_reaches(host, local):
    assert is_local(host) is local
