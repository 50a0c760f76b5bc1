// Events for a lake, of each kind, and a manifest of what has to be in the lake for each; see `lake.py` of the Python SDK.

'use strict';
const { writeFileSync } = require('node:fs');
const { types } = require('rhea');

const RECORD = '00000000-0000-0000-0000-000000000001';
const TIME = new Date('2026-03-01T12:30:15.250Z');
const PROPERTIES = {
    text: '\u00fc\u20ac\u{1F600}', bytes: Buffer.from([0, 255]), one: 1, negative: -7, large: 2 ** 40, fraction: 0.1,
    true: true, null: null, time: TIME,
};
const STORED = { ...PROPERTIES, bytes: 'AP8=', time: TIME.getTime() };

/// The body of an Update of one account, as Dataverse posts it.
const update = (name) => ({
    MessageName: 'Update',
    PrimaryEntityName: 'account',
    PrimaryEntityId: RECORD,
    InputParameters: [{
        key: 'Target',
        value: { LogicalName: 'account', Id: RECORD, Attributes: [{ key: 'name', value: name }] },
    }],
});

const everything = (body, bodyType) => ({
    body,
    bodyType,
    header: { durable: true, priority: 7, timeToLive: 86_400_000, firstAcquirer: true, deliveryCount: 3 },
    properties: { messageId: 'id', subject: 'subject', groupSequence: 4_000_000_000 },
    applicationProperties: { a: 1 },
    messageAnnotations: { mine: 'kept' },
    deliveryAnnotations: { hop: 1 },
    footer: { sum: 7 },
});

/// The encoding of a value.
function encoded(value) {
    const writer = new types.Writer();
    writer.write(types.wrap(value));
    return writer.toBuffer();
}

const rows = [
    ['object', (body) => ({ body })],
    ['bytes \u00fc\u20ac\u{1F600}', (body) => ({ body: Buffer.from(JSON.stringify(body)) })],
    ['properties', (body) => ({ body, properties: PROPERTIES, contentType: 'application/json', messageId: 7 })],
    ['x'.repeat(900_000), (body) => ({ body })],
    ['value', (body) => ({ body: JSON.stringify(body), bodyType: 'value' })],
    ['value bytes', (body) => ({ body: Buffer.from(JSON.stringify(body)), bodyType: 'value' })],
    // The SDK writes a footer before the body.
    ['footer', (body) => ({ body, bodyType: 'data', footer: { sum: 7 } })],
    ['annotations', (body) => ({ body, bodyType: 'data', messageAnnotations: { 'x-opt-offset': 9, mine: [1] } })],
    ['everything', (body) => everything(body, 'data')],
    ['everything in a value', (body) => everything(JSON.stringify(body), 'value')],
];

const others = [
    ...['text', 7, null, { a: [1] }].filter((body) => body !== null).map(
        (body) => [Buffer.from(JSON.stringify(body)), null, { body }],
    ),
    [Buffer.alloc(0), null, { body: Buffer.alloc(0) }],
    [Buffer.from([0, 255]), STORED, { body: Buffer.from([0, 255]), properties: PROPERTIES }],
    // A Data section that holds null: the whole message is stored.
    [Buffer.from([0x40]), null, { body: null }],
    [encoded([1, 'a', null]), null, { body: [1, 'a', null], bodyType: 'sequence' }],
    [encoded([]), null, { body: [], bodyType: 'sequence' }],
    ...[7, 0, true, 2.5, [1, ['a']], { a: { b: [null] } }].map(
        (value) => [encoded(value), null, { body: value, bodyType: 'value' }],
    ),
    [Buffer.alloc(0), null, { body: null, bodyType: 'value' }],
    [encoded(['all', 1]), { a: 1 }, everything(['all', 1], 'sequence')],
    // A buffer as id is encoded as a uuid of any length: the whole message is stored.
    [Buffer.from('"odd"'), null, { body: 'odd', messageId: Buffer.from('five!') }],
];

module.exports = {
    async sendForTheLake(hub, partitionId) {
        const made = [
            ...rows.map(([row, make]) => [{ row }, make(update(row))]),
            ...others.map(([body, properties, event]) => [{ body: body.toString('hex'), properties }, event]),
        ];
        const producer = hub.producer();
        for (const [, event] of made) await producer.sendBatch([event], { partitionId });
        const small = made.filter(([{ row = '' }]) => row.length < 1000);
        await producer.sendBatch(small.map(([, event]) => event), { partitionId });
        const batch = await producer.createBatch({ partitionId });
        for (const [, event] of small) if (!batch.tryAdd(event)) throw new Error('the batch is full');
        await producer.sendBatch(batch);
        const sent = [...made, ...small, ...small].map(([item]) => item);
        writeFileSync(process.env.MANIFEST, JSON.stringify({ partition: Number(partitionId), sent }));
    },
};
