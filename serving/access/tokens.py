"""Tokens of an identity provider (OpenID Connect): JSON Web Tokens whose signature, issuer, audience and times hold."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import jwt

from landcover.errors import ConfigError
from serving.access.jwks import KeySet, jwks_reader
from serving.access.principal import Principal, Scope
from serving.settings import Settings

ALGORITHMS: Final = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
)  # fmt: skip
"""Asymmetric ones alone: with HS256 among them, the public key would be a password that everybody knows."""

SCOPE_PREFIX: Final = "steppe:"
"""What stands before a scope in the claim ``scope``: other services of the same provider have scopes named ``run``."""

OWNER_PREFIX: Final = "oidc:"
"""What stands before a subject, so that no subject is ever taken for the id of an API key."""

LARGEST: Final = 8 * 1024
LEEWAY_S: Final = 30
_SUBJECT: Final = re.compile(r"[\x21-\x7e]{1,200}")


class TokenVerifier:
    """Checks tokens.

    Args:
        issuer: claim ``iss`` must be this.
        audience: claim ``aud`` must be or hold this.
        keys: the issuer's public keys.
    """

    def __init__(self, issuer: str, audience: str, keys: KeySet) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = keys

    def ready(self, token: str) -> bool:
        """Whether the key that the token names is at hand, or it is pointless to look for it."""
        header = _header(token)
        return header is None or self._keys.ready(header.get("kid"))

    def refresh(self) -> None:
        """Read the issuer's keys, where they are old or one is missing."""
        self._keys.refresh()

    def verify(self, token: str) -> Principal | None:
        """Who comes with this token; None when anything about it is not as it must be.

        Raises:
            KeysUnavailable: when the issuer's keys could not be read.
        """
        header = _header(token)
        if header is None:
            return None
        key = self._keys.find(header.get("kid"))
        # A key says which algorithm it is for; the token's own word for it is only compared.
        if key is None or key.algorithm_name != header.get("alg"):
            return None
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=list(ALGORITHMS),
                audience=self._audience,
                issuer=self._issuer,
                leeway=LEEWAY_S,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError:
            return None
        return _principal(claims)


def open_verifier(settings: Settings, fetch: Callable[[str], bytes] | None = None) -> TokenVerifier | None:
    """What checks tokens, or None where no provider is set.

    Args:
        settings: name the provider.
        fetch: reads an https address; default: without redirects, a megabyte in 10 s at most.

    Raises:
        ConfigError: when only a part of the provider is set.
    """
    wanted = (settings.oidc_issuer, settings.oidc_audience, settings.oidc_jwks)
    if not any(wanted):
        return None
    issuer, audience, jwks = wanted
    if not (issuer and audience and jwks):
        raise ConfigError(
            "tokens need all of STEPPE_OIDC_ISSUER, STEPPE_OIDC_AUDIENCE and STEPPE_OIDC_JWKS; set the missing ones"
        )
    return TokenVerifier(issuer, audience, KeySet(jwks_reader(jwks, fetch), ALGORITHMS))


def _header(token: str) -> dict[str, Any] | None:
    """Header of a token that may be worth checking; None of one that is not."""
    if len(token) > LARGEST or not token.isascii():
        return None
    try:
        header: dict[str, Any] = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        return None
    # No extension is known here, so one that must be understood cannot be (RFC 7515, section 4.1.11).
    return None if "crit" in header or header.get("alg") not in ALGORITHMS else header


def _principal(claims: dict[str, Any]) -> Principal | None:
    subject, granted = claims["sub"], claims.get("scope", claims.get("scp", ""))
    words = granted.split() if isinstance(granted, str) else granted
    if not _SUBJECT.fullmatch(subject) or not isinstance(words, list):
        return None
    scopes = frozenset(scope for scope in Scope if f"{SCOPE_PREFIX}{scope}" in words)
    return Principal(id=f"{OWNER_PREFIX}{subject}", scopes=scopes)
