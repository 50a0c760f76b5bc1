// Clients that go on after a lost connection and after a pause.

'use strict';
const assert = require('node:assert');
const { setTimeout: sleep } = require('node:timers/promises');
const { bodies } = require('./hub.js');

module.exports = {
    /// The hub drops the connection after some of the events.
    async eachEventComesOnceAcrossLostConnections(hub, partition) {
        const sent = Array.from({ length: 300 }, (_, number) => ({ body: number }));
        await hub.producer().sendBatch(sent, { partitionId: partition });
        const reader = hub.read(partition, { maxBatchSize: 20 }, { retryOptions: { maxRetries: 5, retryDelayInMs: 100 } });
        assert.deepStrictEqual(bodies(await reader.waitFor(300)), [...Array(300).keys()]);
    },

    /// The hub's idle timeout is shorter than these pauses.
    async idleClientsGoOn(hub, partitionId) {
        const producer = hub.producer({ retryOptions: { maxRetries: 3, retryDelayInMs: 100 } });
        await producer.sendBatch([{ body: 'before' }], { partitionId });
        const reader = hub.read(partitionId, { maxWaitTimeInSeconds: 60 });
        assert.deepStrictEqual(bodies(await reader.waitFor(1)), ['before']);
        await sleep(8_000);
        await producer.sendBatch([{ body: 'after' }], { partitionId });
        assert.deepStrictEqual(bodies(await reader.waitFor(2)), ['before', 'after']);
        assert.deepStrictEqual(reader.errors, []);
    },
};
