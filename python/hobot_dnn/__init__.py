# SPDX-License-Identifier: Apache-2.0
"""The Python interface of RDK boards, for Intarsia's files: from hobot_dnn import pyeasy_dnn."""

from . import pyeasy_dnn

__all__ = ["pyeasy_dnn"]
