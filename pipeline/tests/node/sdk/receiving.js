// Receiving: starting positions, metrics, owner levels, checkpoints, properties.

'use strict';
const assert = require('node:assert');
const { setTimeout: sleep } = require('node:timers/promises');
const { EventHubConsumerClient, EventHubProducerClient, latestEventPosition } = require('@azure/event-hubs');
const { ONCE, bodies, errorOf } = require('./hub.js');

async function send(hub, partitionId, ...texts) {
    await hub.producer().sendBatch(texts.map((body) => ({ body })), { partitionId });
}

/// Reads without trying again; the link is attached or refused.
const attached = (hub, partition, options) => hub.read(partition, { maxWaitTimeInSeconds: 0.5, ...options }).waitForCall();

function stolen(error, ...texts) {
    assert.strictEqual(error.code, 'ReceiverDisconnectedError', error);
    for (const text of texts) assert(error.message.includes(text), error.message);
}

module.exports = {
    async readersStartAtTheRequestedPosition(hub, partition) {
        await send(hub, partition, ...Array.from({ length: 10 }, (_, number) => `early ${number}`));
        const early = await hub.receive(partition, 10);
        while (Date.now() <= early[9].enqueuedTimeUtc.getTime() + 2) await sleep(1);
        await send(hub, partition, ...Array.from({ length: 10 }, (_, number) => `late ${number}`));
        const time = early[9].enqueuedTimeUtc;
        const cases = [
            [5, { offset: early[4].offset }],
            [4, { offset: early[4].offset, isInclusive: true }],
            [7, { sequenceNumber: 6 }],
            [6, { sequenceNumber: 6, isInclusive: true }],
            [10, { enqueuedOn: time }],
            [10, { enqueuedOn: time.getTime() }],
            [0, { enqueuedOn: new Date(time.getTime() - 86_400_000) }],
        ];
        await Promise.all(cases.slice(0, 4).map(async ([first, position]) => {
            assert.strictEqual((await hub.receive(partition, 1, position))[0].sequenceNumber, first);
        }));
        await Promise.all(cases.slice(4).map(async ([first, position]) => {
            assert.strictEqual((await hub.receive(partition, 1, position))[0].sequenceNumber, first);
        }));
        const perPartition = { [partition]: { sequenceNumber: 16 } };
        assert.strictEqual((await hub.receive(partition, 1, perPartition))[0].sequenceNumber, 17);
    },

    async aReaderAtTheEndGetsLaterEventsOnly(hub, partition) {
        await send(hub, partition, 'old');
        const reader = await attached(hub, partition, { startPosition: latestEventPosition });
        assert.deepStrictEqual([reader.events, reader.errors], [[], []]);
        await send(hub, partition, 'new');
        assert.deepStrictEqual(bodies(await reader.waitFor(1)), ['new']);
    },

    async positionsPastTheEndAreRefused(hub, partition) {
        await send(hub, partition, 'only');
        const refused = async (position) => {
            const reader = hub.read(partition, { startPosition: position });
            const error = await reader.waitForError();
            await reader.close();
            return error;
        };
        const number = await refused({ sequenceNumber: 71181 });
        assert.strictEqual(number.code, 'ArgumentError', number);
        assert.match(number.message, /sequence number '71181' is invalid. The last sequence number in the system is '0'/);
        const offset = await refused({ offset: '99999999' });
        assert.match(offset.message, /offset '99999999' is invalid. The last offset in the system is '0'/);
    },

    async metricsComeWithEvents(hub, partition) {
        await send(hub, partition, 'one', 'two');
        const reader = hub.read(partition, { trackLastEnqueuedEventProperties: true });
        const events = await reader.waitFor(2);
        assert.deepStrictEqual(reader.metrics.sequenceNumber, 1);
        assert.strictEqual(reader.metrics.offset, events[1].offset);
        assert.deepStrictEqual(reader.metrics.enqueuedOn, events[1].enqueuedTimeUtc);
        assert(Math.abs(reader.metrics.retrievedOn - Date.now()) < 60_000);
    },

    async anyBatchSizeGetsEveryEvent(hub, partition) {
        await send(hub, partition, ...Array.from({ length: 200 }, (_, number) => `event ${number}`));
        for (const maxBatchSize of [1, 7, 500]) {
            const events = await hub.receive(partition, 200, undefined, { maxBatchSize });
            assert.deepStrictEqual(events.map((event) => event.sequenceNumber), [...Array(200).keys()]);
        }
        const some = await hub.receive(partition, 50, undefined, { prefetchCount: 10, maxBatchSize: 5 });
        const rest = await hub.receive(partition, 150, { offset: some[49].offset });
        assert.strictEqual(rest[0].sequenceNumber, 50);
    },

    async ownerLevelsDisplaceAndRefuse(hub, partition) {
        const first = await attached(hub, partition, { ownerLevel: 1 });
        assert.deepStrictEqual(first.errors, []);
        const second = await attached(hub, partition, { ownerLevel: 2 });
        stolen(await first.waitForError(), "with higher epoch of '2' is created hence current receiver");
        await first.close();
        const lower = await attached(hub, partition, { ownerLevel: 1 });
        stolen(await lower.waitForError(), "with a higher epoch '2' already exists.");
        await lower.close();
        const plain = await attached(hub, partition, {});
        stolen(await plain.waitForError(), "epoch of '2', and so non-epoch receiver is not allowed.");
        await plain.close();
        assert.deepStrictEqual(second.errors, []);
        const equal = await attached(hub, partition, { ownerLevel: 2 });
        stolen(await second.waitForError(), "with epoch '2' is getting disconnected.");
        assert.deepStrictEqual(equal.errors, []);
    },

    async theSixthReaderIsRefused(hub, partition) {
        const readers = [];
        for (let number = 0; number < 5; number += 1) readers.push(await attached(hub, partition, {}));
        assert(readers.every((reader) => reader.errors.length === 0));
        const error = await (await attached(hub, partition, {})).waitForError();
        assert.strictEqual(error.code, 'QuotaExceededError', error);
        assert.match(error.message, /maximum number of allowed receivers per partition in a consumer group which is 5/);
    },

    async propertiesDescribeTheHub(hub, partition) {
        await send(hub, partition, 'one', 'two');
        for (const client of [hub.producer(), hub.consumer()]) {
            const found = await client.getEventHubProperties();
            assert.strictEqual(found.name, 'events');
            assert.deepStrictEqual(found.partitionIds, await client.getPartitionIds());
            assert(Math.abs(found.createdOn - Date.now()) < 1_800_000);
            const facts = await client.getPartitionProperties(partition);
            assert.strictEqual(facts.eventHubName, 'events');
            assert.deepStrictEqual(
                [facts.partitionId, facts.beginningSequenceNumber, facts.lastEnqueuedSequenceNumber, facts.isEmpty],
                [partition, 0, 1, false],
            );
            assert.strictEqual(typeof facts.lastEnqueuedOffset, 'string');
        }
        const error = await errorOf(() => hub.producer(ONCE).getPartitionProperties('4000'));
        assert.match(error.message, /4000/);
    },

    async aWrongKeyAndAnotherHubAreRefused(hub) {
        const wrong = hub.connectionString.replace('SharedAccessKey=', 'SharedAccessKey=x');
        const options = { ...hub.options, ...ONCE };
        const unauthorized = hub.keep(new EventHubProducerClient(wrong, options));
        const error = await errorOf(() => unauthorized.sendBatch([{ body: 'lost' }]));
        assert.strictEqual(error.code, 'UnauthorizedError', error);
        const another = hub.connectionString.replace(/EntityPath=[^;]*/, 'EntityPath=another');
        const client = hub.keep(new EventHubConsumerClient('$Default', another, options));
        assert.match((await errorOf(() => client.getEventHubProperties())).message, /could not be found/);
    },
};
