# SPDX-License-Identifier: Apache-2.0
"""The language model that corrects texts: the one the user has named, or none."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class LlmApi:
    """Where texts are corrected: base URL with /v1, key and model."""

    url: str
    key: str
    model: str


def external() -> LlmApi | None:
    """The provider of CHUNKSCRIBE_LLM_URL, _KEY and _MODEL, if they are set."""
    url = os.environ.get("CHUNKSCRIBE_LLM_URL")
    if not url:
        return None
    return LlmApi(url, os.environ.get("CHUNKSCRIBE_LLM_KEY", ""),
                  os.environ.get("CHUNKSCRIBE_LLM_MODEL", "gpt-4o-mini"))
