// Sending: each kind of event in each way, sizes, refusals.

'use strict';
const assert = require('node:assert');
const { CASES, check } = require('./messages.js');
const { bodies, errorOf } = require('./hub.js');

module.exports = {
    async everyKindOfEventArrivesUnchanged(hub, partitionId) {
        const producer = hub.producer();
        for (const [event] of CASES) await producer.sendBatch([event], { partitionId });
        await producer.sendBatch(CASES.map(([event]) => event), { partitionId });
        const batch = await producer.createBatch({ partitionId });
        for (const [event] of CASES) assert(batch.tryAdd(event));
        await producer.sendBatch(batch);
        const events = await hub.receive(partitionId, 3 * CASES.length);
        events.forEach((event, number) => {
            assert.strictEqual(event.sequenceNumber, number);
            check(event, CASES[number % CASES.length]);
        });
        const facts = await producer.getPartitionProperties(partitionId);
        assert.strictEqual(facts.lastEnqueuedSequenceNumber, events.length - 1);
    },

    async propertiesThatTheSdkEncodesWronglyDoNotStopThePartition(hub, partitionId) {
        const producer = hub.producer();
        // A buffer as id: the SDK writes it as a uuid, of any length.
        await producer.sendBatch([{ body: 'odd', messageId: Buffer.from('five!') }], { partitionId });
        await producer.sendBatch([{ body: 'after' }], { partitionId });
        const events = await hub.receive(partitionId, 1, { sequenceNumber: 0 });
        assert.deepStrictEqual(bodies(events), ['after']);
    },

    async batchesUpToTheLimitArrive(hub, partitionId) {
        const producer = hub.producer();
        const batch = await producer.createBatch({ partitionId });
        assert.strictEqual(batch.maxSizeInBytes, 1_048_576);
        assert(batch.tryAdd({ body: Buffer.alloc(500_000) }));
        let size = batch.maxSizeInBytes - batch.sizeInBytes;
        while (!batch.tryAdd({ body: Buffer.alloc(size) })) size -= 1;
        assert.strictEqual(batch.sizeInBytes, batch.maxSizeInBytes);
        assert(!batch.tryAdd({ body: Buffer.alloc(0) }));
        await producer.sendBatch(batch);
        const many = await producer.createBatch({ partitionId });
        while (many.tryAdd({ body: 'x'.repeat(2_000) }));
        await producer.sendBatch(many);
        const events = await hub.receive(partitionId, many.count + 2);
        assert.deepStrictEqual([events[0].body.length, events[1].body.length], [500_000, size]);
        assert(events.slice(2).every((event) => event.body.length === 2_000));
    },

    async anEventOverTheLimitIsRefusedAndTheNextOneArrives(hub, partitionId) {
        const producer = hub.producer({ retryOptions: { maxRetries: 1, retryDelayInMs: 100 } });
        const error = await errorOf(() => producer.sendBatch([{ body: 'x'.repeat(1_100_000) }], { partitionId }));
        assert.strictEqual(error.code, 'MessageTooLargeError', error);
        const small = await producer.createBatch({ partitionId, maxSizeInBytes: 1000 });
        assert(!small.tryAdd({ body: 'x'.repeat(1000) }));
        await producer.sendBatch([], { partitionId });
        await producer.sendBatch([{ body: 'small' }], { partitionId });
        assert.deepStrictEqual(bodies(await hub.receive(partitionId, 1)), ['small']);
    },

    async anUnknownPartitionIsRefused(hub) {
        const producer = hub.producer({ retryOptions: { maxRetries: 0 } });
        const error = await errorOf(() => producer.sendBatch([{ body: 'lost' }], { partitionId: '4000' }));
        assert.match(error.message, /partition/);
    },
};
