"""Tokens of a provider of our own, good ones and those of somebody who has none."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from functools import cache

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

ISSUER, AUDIENCE = "https://id.example.org/", "steppe"


@cache
def rsa_key(_number=0):
    """A private key, one for each number; its making takes a while."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def ec_key():
    return ec.generate_private_key(ec.SECP256R1())


def jwks(*, kid="one", alg="RS256"):
    """The provider's public keys: one RSA, one elliptic, one for encryption, one that nobody understands."""
    first = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(rsa_key().public_key())) | {"kid": kid, "use": "sig"}
    if alg:
        first["alg"] = alg
    second = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(ec_key().public_key())) | {"kid": "curve"}
    encryption = first | {"kid": "enc", "use": "enc"}
    symmetric = {"kty": "oct", "k": "AyM32w", "kid": "oct", "alg": "HS256"}
    return json.dumps({"keys": [first, second, encryption, symmetric, {"kty": "strange"}, 7]}).encode()


def claims(**changes):
    now = int(time.time())
    good = {"iss": ISSUER, "aud": AUDIENCE, "sub": "u1", "exp": now + 600, "iat": now, "scope": "openid steppe:run"}
    return {name: value for name, value in (good | changes).items() if value is not None}


def token(*, key=None, algorithm="RS256", headers=None, **changes):
    """A signed token; ``changes`` are claims, None takes one out."""
    return jwt.encode(
        claims(**changes), key or rsa_key(), algorithm=algorithm, headers={"kid": "one"} | (headers or {})
    )


def forged(header, payload, secret=b""):
    """A token signed by HMAC with any bytes, which PyJWT would not do for us."""
    signed = ".".join(_text(json.dumps(part).encode()) for part in (header, payload))
    signature = hmac.new(secret, signed.encode(), hashlib.sha256).digest() if secret else b""
    return f"{signed}.{_text(signature)}"


def public_pem():
    return (
        rsa_key().public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def _text(content):
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def attacks():
    """Name and token of everything that must not come in."""
    now = int(time.time())
    plain = {"typ": "JWT", "kid": "one"}
    good = token()
    head, body, signature = good.split(".")
    changed = _text(json.dumps(claims(sub="root")).encode())
    return {
        "alg none": forged(plain | {"alg": "none"}, claims()),
        "alg None": forged(plain | {"alg": "None"}, claims()),
        "HS256 with the public key": forged(plain | {"alg": "HS256"}, claims(), public_pem()),
        "HS256 with a key of the set": forged(plain | {"alg": "HS256", "kid": "oct"}, claims(), b"\x03#7\xdb"),
        "HS256 without a key": forged(plain | {"alg": "HS256"}, claims()),
        "another algorithm of the same key": token(algorithm="RS512"),
        "another audience": token(aud="other"),
        "an audience among others": token(aud=["other", "another"]),
        "no audience": token(aud=None),
        "another issuer": token(iss="https://evil.example.org/"),
        "no issuer": token(iss=None),
        "expired": token(exp=now - 3600),
        "no end": token(exp=None),
        "not yet": token(nbf=now + 3600),
        "made in the future": token(iat=now + 3600),
        "no subject": token(sub=None),
        "an empty subject": token(sub=""),
        "a subject with a line break": token(sub="a\nb"),
        "a path as kid": token(headers={"kid": "../../../../dev/null"}),
        "SQL as kid": token(headers={"kid": "x' UNION SELECT 'y"}),
        "an unknown kid": token(headers={"kid": "two"}),
        "the kid of a key for encryption": token(headers={"kid": "enc"}),
        "an unknown crit": token(headers={"crit": ["exp2"], "exp2": 1}),
        "an empty crit": forged(plain | {"alg": "RS256", "crit": []}, claims()),
        "its own key in the header": token(key=rsa_key(1), headers={"jwk": json.loads(jwks())["keys"][0]}),
        "an address of keys in the header": token(key=rsa_key(1), headers={"jku": "https://evil.example.org/jwks"}),
        "signed by somebody else": token(key=rsa_key(1)),
        "changed": f"{head}.{changed}.{signature}",
        "without signature": f"{head}.{body}.",
        "100 kB": token(padding="x" * 75_000),
        "9 kB": token(padding="x" * 7_000),
        "no token": "no.token.atall",
        "nothing": "",
        "two dots": "..",
        "not text": "\udcff.\udcff.\udcff",
    }
