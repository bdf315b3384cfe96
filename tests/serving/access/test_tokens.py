"""Tokens: what an identity provider vouches for comes in, nothing else."""

from __future__ import annotations

import time

import pytest

from landcover.errors import ConfigError
from serving.access.jwks import LIFETIME_S, PAUSE_S, KeySet, KeysUnavailable, jwks_reader
from serving.access.principal import Principal, Scope
from serving.access.tokens import ALGORITHMS, TokenVerifier, open_verifier
from serving.settings import Settings
from tests.serving.access.tokens import AUDIENCE, ISSUER, attacks, ec_key, jwks, token


class Clock:
    def __init__(self):
        self.s = 0.0

    def __call__(self):
        return self.s


class Provider:
    """Serves its keys, and counts how often it is asked."""

    def __init__(self, content):
        self.content, self.asked = content, 0

    def __call__(self):
        self.asked += 1
        if isinstance(self.content, Exception):
            raise self.content
        return self.content


def verifier(content=None, clock=time.monotonic):
    provider = Provider(jwks() if content is None else content)
    return TokenVerifier(ISSUER, AUDIENCE, KeySet(provider, ALGORITHMS, clock=clock)), provider


def ask(verifier, text):
    if not verifier.ready(text):
        verifier.refresh()
    return verifier.verify(text)


def test_a_good_token():
    checked, provider = verifier()
    assert ask(checked, token()) == Principal(id="oidc:u1", scopes=frozenset({Scope.RUN}))
    assert ask(checked, token(scope=None, scp=["steppe:tiles", "steppe:nonsense"])).scopes == {Scope.TILES}
    assert ask(checked, token(scope=None)).scopes == frozenset()
    assert ask(checked, token(aud=["other", AUDIENCE])) is not None
    assert ask(checked, token(key=ec_key(), algorithm="ES256", headers={"kid": "curve"})) is not None
    assert ask(checked, token(exp=int(time.time()) - 5)) is not None  # clocks differ
    assert provider.asked == 1


def test_scopes_of_other_services_open_nothing():
    assert ask(verifier()[0], token(scope="run admin tiles metrics")).scopes == frozenset()


def test_a_subject_is_never_the_id_of_a_key():
    assert ask(verifier()[0], token(sub="abcdefgh")).id == "oidc:abcdefgh"


@pytest.mark.parametrize("name", attacks())
def test_attacks(name):
    assert ask(verifier()[0], attacks()[name]) is None


def test_a_key_without_algorithm_is_for_the_usual_one():
    checked, _ = verifier(jwks(alg=None))
    assert ask(checked, token()) is not None
    assert ask(checked, token(algorithm="PS256")) is None


def test_a_new_key_of_the_provider_is_found_but_it_is_not_asked_for_every_nonsense():
    clock = Clock()
    checked, provider = verifier(clock=clock)
    assert ask(checked, token()) is not None
    provider.content = jwks(kid="next")
    for _ in range(10):
        assert ask(checked, token(headers={"kid": "next"})) is None
    assert provider.asked == 1
    clock.s = PAUSE_S
    assert ask(checked, token(headers={"kid": "next"})) is not None
    assert ask(checked, token()) is None
    assert provider.asked == 2


@pytest.mark.parametrize(
    "content", [OSError(), b"", b"[]", b'{"keys": 1}', b"\xff", b'{"keys": [' + b"1," * 200 + b"1]}"]
)
def test_keys_that_cannot_be_read(content):
    clock = Clock()
    checked, provider = verifier(content, clock)
    with pytest.raises(KeysUnavailable):
        ask(checked, token())
    provider.content = jwks()
    clock.s = PAUSE_S
    assert ask(checked, token()) is not None
    provider.content, clock.s = OSError(), LIFETIME_S + PAUSE_S - 1
    assert ask(checked, token()) is not None
    clock.s = 2 * LIFETIME_S
    with pytest.raises(KeysUnavailable):
        ask(checked, token())


def test_settings(tmp_path):
    assert open_verifier(Settings()) is None
    (tmp_path / "jwks.json").write_bytes(jwks())
    good = {"oidc_issuer": ISSUER, "oidc_audience": AUDIENCE, "oidc_jwks": str(tmp_path / "jwks.json")}
    assert ask(open_verifier(Settings(**good)), token()) is not None
    for missing in good:
        with pytest.raises(ConfigError, match=missing.upper()):
            open_verifier(Settings(**(good | {missing: None})))
    with pytest.raises(ConfigError):
        jwks_reader("http://id.example.org/jwks")
    fetched = jwks_reader("https://id.example.org/jwks", lambda address: address.encode())
    assert fetched() == b"https://id.example.org/jwks"


def test_no_symmetric_algorithm_counts():
    assert not any(name.startswith("HS") or name == "none" for name in ALGORITHMS)
