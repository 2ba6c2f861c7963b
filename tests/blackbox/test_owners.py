# SPDX-License-Identifier: Apache-2.0
"""All records of a job come to one assembler, or none starts."""

import pytest
from confluent_kafka.admin import AdminClient, NewPartitions

from dev.console import DevError

EXIT_DEPENDENCY = 3


def test_topics_of_one_key_have_one_number_of_partitions(installation):
    admin = AdminClient({"bootstrap.servers": installation.brokers})
    topic = f"{installation.prefix}jobs.commands"
    admin.create_partitions([NewPartitions(topic, 7)])[topic].result(30)
    installation.wait_for(
        lambda: len(admin.list_topics(topic, timeout=10).topics[topic].partitions) == 7)
    installation.expect_error("start_failed")

    with pytest.raises(DevError, match="must have the same number"):
        installation.fleet.start_assembler("assembler-1")

    assert installation.table.wait_exit("assembler-1", 10) == EXIT_DEPENDENCY
    installation.kill_is_fine("assembler-1")
