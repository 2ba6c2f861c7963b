# SPDX-License-Identifier: Apache-2.0
"""The processes of one chunkscribe installation on this machine, in one folder.

`./dev up` uses .dev itself; the tests make one of these in a folder of their own. The parts know
each other only by what is passed here.
"""

from pathlib import Path

from .kafka import Kafka
from .postgres import Postgres
from .process import ProcessTable


class Stack:
    def __init__(self, folder: Path):
        self.folder = folder
        self.table = ProcessTable(folder)
        self.postgres = Postgres(folder, self.table)
        self.kafka = Kafka(folder, self.table)

    def stop(self) -> None:
        """Stops everything this folder has a record of, the last started first."""
        special = {"postgres": self.postgres.stop, "kafka": self.kafka.stop}
        for record in reversed(self.table.all()):
            stop = special.get(record.name)
            if stop:
                stop()
            else:
                self.table.stop(record.name)
