"""One way to name an editable object with its content, so that two results can prove that they used the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def canonical_sha256(document: Mapping[str, Any]) -> str:
    """Hex digest of a document as canonical JSON: sorted keys, no spaces, UTF-8."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def identity(document: Mapping[str, Any]) -> str:
    """``id@version#sha256`` of a document that has an id and a version."""
    return f"{document['id']}@{document['version']}#{canonical_sha256(document)}"
