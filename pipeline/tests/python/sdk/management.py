"""Properties of the hub and its partitions, and each way to authenticate."""

import time
from datetime import datetime, timedelta, timezone

from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
from azure.eventhub import EventHubConsumerClient, EventHubProducerClient
from azure.eventhub._pyamqp.utils import generate_sas_token
from azure.eventhub.exceptions import AuthenticationError, EventHubError
from clients import error_of
from messages import event
from receiving import bodies, send


def properties_describe_the_hub_and_its_partitions(hub, partition):
    with hub.consumer() as client, hub.producer() as producer:
        for each in (client, producer):
            found = each.get_eventhub_properties()
            assert found["eventhub_name"] == "events", found
            assert abs(datetime.now(timezone.utc) - found["created_at"]) < timedelta(minutes=30), found
            assert found["partition_ids"] == each.get_partition_ids() == [str(id) for id in range(len(found["partition_ids"]))]
        empty = client.get_partition_properties(partition)
        assert empty["is_empty"] and empty["eventhub_name"] == "events" and empty["id"] == partition, empty
        assert (empty["beginning_sequence_number"], empty["last_enqueued_sequence_number"]) == (-1, -1), empty
        assert empty["last_enqueued_offset"] == "-1", empty
    send(hub, partition, "one", "two")
    last = hub.receive(partition, 2)[1]
    with hub.producer() as client:
        full = client.get_partition_properties(partition)
        error = error_of(lambda: client.get_partition_properties("4000"), EventHubError)
    assert not full["is_empty"], full
    assert (full["beginning_sequence_number"], full["last_enqueued_sequence_number"]) == (0, 1), full
    assert full["last_enqueued_offset"] == last.offset, full
    assert full["last_enqueued_time_utc"] == last.enqueued_time, full
    assert "Status code: 400" in str(error), error


def each_credential_opens_the_hub(hub, partition):
    parts = hub.parts()
    uri = f"sb://{parts.fully_qualified_namespace}/{parts.eventhub_name}"
    expiry = int(time.time()) + 3600
    token = generate_sas_token(uri, parts.shared_access_key_name, parts.shared_access_key, expiry)
    address = dict(fully_qualified_namespace=parts.fully_qualified_namespace, eventhub_name=parts.eventhub_name)
    plain = {"use_tls": "UseDevelopmentEmulator=true" not in hub.connection_string}
    options = {**address, **plain, **hub.options}
    named = AzureNamedKeyCredential(parts.shared_access_key_name, parts.shared_access_key)
    for credential in (named, AzureSasCredential(token)):
        with EventHubProducerClient(credential=credential, **options) as client:
            client.send_event(event(type(credential).__name__), partition_id=partition)
    signed = hub.connection_string.split("SharedAccessKeyName=")[0]
    signed += f"SharedAccessSignature={token};EntityPath=events"
    if not plain["use_tls"]:
        signed += ";UseDevelopmentEmulator=true"
    with EventHubProducerClient.from_connection_string(signed, **hub.options) as client:
        client.send_event(event("signed"), partition_id=partition)
    got = bodies(hub.receive(partition, 3))
    assert got == ["AzureNamedKeyCredential", "AzureSasCredential", "signed"], got


def a_wrong_key_is_an_authentication_error(hub, partition):
    broken = hub.connection_string.replace("SharedAccessKey=", "SharedAccessKey=x")
    options = {**hub.options, "retry_total": 0}
    make = EventHubProducerClient.from_connection_string
    for attempt in (
        lambda: make(broken, **options).get_eventhub_properties(),
        lambda: make(broken, **options).send_event(event("no"), partition_id=partition),
        lambda: EventHubConsumerClient.from_connection_string(broken, "$Default", **options).get_partition_ids(),
    ):
        error = error_of(attempt)
        assert isinstance(error, AuthenticationError), repr(error)


def another_hub_is_not_found(hub, partition):
    options = {**hub.options, "retry_total": 0, "eventhub_name": "another"}
    client = EventHubProducerClient.from_connection_string(hub.connection_string, **options)
    error = error_of(lambda: client.send_event(event("lost"), partition_id=partition), EventHubError)
    # The token is refused already, without the reason in the SDK's error.
    assert isinstance(error, AuthenticationError), repr(error)


CHECKS = [
    properties_describe_the_hub_and_its_partitions,
    each_credential_opens_the_hub,
    a_wrong_key_is_an_authentication_error,
    another_hub_is_not_found,
]
