// Events whose partition the hub or the SDK chooses. They may arrive in any partition, so other checks use another hub.

'use strict';
const assert = require('node:assert');
const { bodies } = require('./hub.js');

async function counts(producer) {
    const ids = await producer.getPartitionIds();
    const facts = await Promise.all(ids.map((id) => producer.getPartitionProperties(id)));
    return facts.map((partition) => partition.lastEnqueuedSequenceNumber + 1);
}

async function everything(hub, producer) {
    const found = await Promise.all(
        (await counts(producer)).map((count, id) => (count === 0 ? [] : hub.receive(String(id), count))),
    );
    return found.map((events, id) => events.map((event) => ({ ...event, id })));
}

module.exports = {
    async keysChooseThePartition(hub) {
        const producer = hub.producer();
        const keys = ['a key', '\u043a\u043b\u044e\u0447', '7', ''];
        for (const partitionKey of keys) {
            await producer.sendBatch([{ body: `list ${partitionKey}` }], { partitionKey });
            const batch = await producer.createBatch({ partitionKey });
            assert(batch.tryAdd({ body: `one ${partitionKey}` }) && batch.tryAdd({ body: `two ${partitionKey}` }));
            await producer.sendBatch(batch);
        }
        const keyed = (await everything(hub, producer)).flat();
        for (const key of keys) {
            const events = keyed.filter((event) => event.partitionKey === key);
            assert.deepStrictEqual(bodies(events), [`list ${key}`, `one ${key}`, `two ${key}`]);
            assert.strictEqual(new Set(events.map((event) => event.id)).size, 1, 'one key, one partition');
            assert(events.every((event) => event.getRawAmqpMessage().header.durable));
        }
    },

    async theBufferedProducerSendsEverything(hub) {
        const sent = [];
        const failed = [];
        const producer = hub.buffered({
            maxEventBufferLengthPerPartition: 100,
            maxWaitTimeInMs: 200,
            onSendEventsSuccessHandler: async ({ events }) => sent.push(...events),
            onSendEventsErrorHandler: async ({ error }) => failed.push(error),
        });
        for (let number = 0; number < 250; number += 1) {
            await producer.enqueueEvent({ body: `buffered ${number}` }, { partitionId: '1' });
        }
        await producer.enqueueEvents([{ body: 'keyed 1' }, { body: 'keyed 2' }], { partitionKey: 'buffered' });
        await producer.enqueueEvents([{ body: 'anywhere 1' }, { body: 'anywhere 2' }]);
        await producer.flush();
        await producer.enqueueEvent({ body: 'buffered last' }, { partitionId: '1' });
        await producer.close();
        assert.deepStrictEqual(failed, []);
        assert.strictEqual(sent.length, 255);
        const found = await everything(hub, hub.producer());
        const ours = bodies(found[1]).filter((body) => body.startsWith('buffered'));
        const expected = Array.from({ length: 250 }, (_, number) => `buffered ${number}`);
        assert.deepStrictEqual(ours, [...expected, 'buffered last']);
        const rest = bodies(found.flat()).filter((body) => /^(keyed|anywhere) [12]$/.test(body)).sort();
        assert.deepStrictEqual(rest, ['anywhere 1', 'anywhere 2', 'keyed 1', 'keyed 2']);
    },

    async theIdempotentBufferedProducerSendsEverythingOnce(hub) {
        const failed = [];
        const producer = hub.buffered({
            enableIdempotentRetries: true,
            maxWaitTimeInMs: 200,
            onSendEventsErrorHandler: async ({ error }) => failed.push(error),
        });
        for (let number = 0; number < 100; number += 1) {
            await producer.enqueueEvent({ body: `idempotent ${number}` }, { partitionId: '2' });
            if (number % 40 === 39) await producer.flush();
        }
        await producer.close();
        assert.deepStrictEqual(failed, []);
        const events = (await everything(hub, hub.producer()))[2].filter((event) => /^idem/.test(event.body));
        assert.deepStrictEqual(bodies(events), Array.from({ length: 100 }, (_, number) => `idempotent ${number}`));
        const numbers = events.map((event) => event.systemProperties['com.microsoft:producer-sequence-number']);
        assert.deepStrictEqual(numbers, Array.from({ length: 100 }, (_, number) => numbers[0] + number));
    },
};
