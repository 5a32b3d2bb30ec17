# SPDX-License-Identifier: Apache-2.0
"""Names from files in messages."""

from __future__ import annotations


def shown(text: object) -> str:
    """The text with question marks for what a terminal should not be given: control characters, marks that change the order
    of writing, and others that are not seen."""
    return "".join(c if c.isprintable() else "?" for c in str(text))
