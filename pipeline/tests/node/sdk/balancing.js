// Two consumers that share the partitions of a hub through checkpoints.

'use strict';
const assert = require('node:assert');
const { setTimeout: sleep } = require('node:timers/promises');
const { earliestEventPosition } = require('@azure/event-hubs');

/// Checkpoints and ownership in memory, with the conflicts of a real store.
class Store {
    constructor() {
        this.ownerships = new Map();
        this.checkpoints = new Map();
        this.changes = 0;
    }

    async listOwnership() {
        return [...this.ownerships.values()];
    }

    async claimOwnership(wanted) {
        return wanted.flatMap((claim) => {
            const held = this.ownerships.get(claim.partitionId);
            if (held !== undefined && held.etag !== claim.etag) return [];
            this.changes += 1;
            const taken = { ...claim, etag: String(this.changes), lastModifiedTimeInMs: Date.now() };
            this.ownerships.set(claim.partitionId, taken);
            return [taken];
        });
    }

    async updateCheckpoint(checkpoint) {
        this.checkpoints.set(checkpoint.partitionId, checkpoint);
    }

    async listCheckpoints() {
        return [...this.checkpoints.values()];
    }
}

module.exports = {
    async twoConsumersShareThePartitions(hub) {
        const store = new Store();
        const ids = await hub.producer().getPartitionIds();
        const owned = [new Set(), new Set()];
        const seen = [];
        const consume = (number) => {
            const options = {
                loadBalancingOptions: { updateIntervalInMs: 300, partitionOwnershipExpirationIntervalInMs: 10_000 },
            };
            const client = hub.consumer(options, 'shared', store);
            return client.subscribe({
                processInitialize: async ({ partitionId }) => void owned[number].add(partitionId),
                processClose: async (_, { partitionId }) => void owned[number].delete(partitionId),
                processEvents: async (events, context) => {
                    if (events.length === 0) return;
                    seen.push(...events.map((event) => event.body));
                    await context.updateCheckpoint(events[events.length - 1]);
                },
                // The other consumer takes partitions.
                processError: async () => {},
            }, { maxWaitTimeInSeconds: 0.3, startPosition: earliestEventPosition });
        };
        const until = async (condition, what) => {
            const deadline = Date.now() + 40_000;
            while (!condition()) {
                assert(Date.now() < deadline, `${what}: ${[...owned[0]]} | ${[...owned[1]]}, seen ${seen}`);
                await sleep(20);
            }
        };
        const send = async (text) => {
            const producer = hub.producer();
            for (const partitionId of ids) await producer.sendBatch([{ body: `${text} ${partitionId}` }], { partitionId });
        };
        const first = consume(0);
        await until(() => owned[0].size === ids.length, 'one consumer owns all');
        const second = consume(1);
        await until(() => owned.every((partitions) => partitions.size === ids.length / 2), 'each owns half');
        await send('shared');
        await until(() => seen.length === ids.length, 'every event');
        await first.close();
        await until(() => owned[1].size === ids.length, 'the second consumer owns all');
        await send('alone');
        await until(() => seen.length === 2 * ids.length, 'later events');
        await second.close();
        assert.deepStrictEqual([...seen].sort(), ids.flatMap((id) => [`alone ${id}`, `shared ${id}`]).sort());
    },
};
