# SPDX-License-Identifier: Apache-2.0
"""A client of cribd: run programs in sandboxes, over a Unix socket.

    import crib

    with crib.Client("/run/crib.sock") as client:
        print(client.exec("uptime").stdout.decode())
"""

from .client import Client
from .errors import Code, ConnectionLost, Error, OutputLost
from .messages import Denial, Event, Message, Output, Receipt, Result
from .request import INHERIT, NULL, PIPE, PTY, File
from .streams import Reader, Writer
from .task import Task

__all__ = [
    "Client", "Code", "ConnectionLost", "Denial", "Error", "Event", "File", "INHERIT", "Message", "NULL",
    "Output", "OutputLost", "PIPE", "PTY", "Reader", "Receipt", "Result", "Task", "Writer",
]
