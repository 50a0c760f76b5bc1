"""Readers of one partition: owner levels, and the limit of five."""

from azure.eventhub.exceptions import ConnectionLostError, EventHubError
from clients import GROUP, Reader
from receiving import bodies, send

ONCE = {"retry_total": 0}


def reader(hub, partition, level=None, name=None):
    """A reader that is attached or has failed. It does not try again by itself."""
    options = {} if level is None else {"owner_level": level}
    return Reader(hub, partition, "-1", client_options=ONCE, max_wait_time=0.5, **options).wait_for_call()


def stolen(error, *texts):
    assert isinstance(error, ConnectionLostError) and error.error == "link:stolen", repr(error)
    for text in texts:
        assert text in str(error), error


def a_higher_or_equal_owner_level_displaces(hub, partition):
    for level in (2, 1):
        with reader(hub, partition, 1) as first:
            assert not first.errors, first.errors
            with reader(hub, partition, level) as second:
                stolen(
                    first.wait_for_error(),
                    f"with higher epoch of '{level}' is created hence current receiver",
                    "with epoch '1' is getting disconnected.",
                    "If you are recreating the receiver, make sure a higher epoch is used.",
                )
                first.client.close()
                if level == 2:
                    assert not second.errors, second.errors


def a_lower_owner_level_is_refused(hub, partition):
    send(hub, partition, "one")
    with reader(hub, partition, 5) as first:
        with reader(hub, partition, 4) as second:
            stolen(
                second.wait_for_error(),
                "with a higher epoch '5' already exists.",
                "with epoch 4 cannot be created. Make sure you are creating receiver with increasing epoch value",
            )
            assert not second.events
        send(hub, partition, "two")
        assert bodies(first.wait_for(2)) == ["one", "two"]


def a_reader_without_owner_level_is_refused_while_one_with_it_reads(hub, partition):
    text = "At least one receiver for the endpoint is created with epoch of '0', and so non-epoch receiver is not allowed."
    with reader(hub, partition) as plain:
        assert not plain.errors
        with reader(hub, partition, 0) as owner:
            # The reader that was first is detached.
            stolen(plain.wait_for_error(), text)
            plain.client.close()
            with reader(hub, partition) as late:
                stolen(late.wait_for_error(), text, "Either reconnect with a higher epoch")
            assert not owner.errors, owner.errors
    send(hub, partition, "free again")
    assert bodies(hub.receive(partition, 1)) == ["free again"]


def the_sixth_reader_of_a_group_is_refused(hub, partition):
    send(hub, partition, "one")
    readers = [reader(hub, partition) for _ in range(5)]
    try:
        assert not any(other.errors for other in readers)
        with reader(hub, partition) as sixth:
            error = sixth.wait_for_error()
        assert isinstance(error, EventHubError), repr(error)
        text = "Exceeded the maximum number of allowed receivers per partition in a consumer group which is 5."
        assert text in str(error) and "List of connected receivers - " in str(error), error
        assert bodies(hub.receive(partition, 1, group="another")) == ["one"]
    finally:
        for other in readers:
            other.close()
    assert bodies(hub.receive(partition, 1, group=GROUP)) == ["one"]


CHECKS = [
    a_higher_or_equal_owner_level_displaces,
    a_lower_owner_level_is_refused,
    a_reader_without_owner_level_is_refused_while_one_with_it_reads,
    the_sixth_reader_of_a_group_is_refused,
]
