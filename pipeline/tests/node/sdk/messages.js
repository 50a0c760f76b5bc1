// Everything that the JavaScript SDK can send in one event, and what a receiver gets of it.

'use strict';
const assert = require('node:assert');

const TIME = new Date('2026-03-01T12:30:15.250Z');
const ID = Buffer.from('6f6d1c1c6c3e4a399f4d0d0e3c2b1a00', 'hex');
const HEADER = { durable: true, priority: 7, firstAcquirer: true, deliveryCount: 3 };
const PROPERTIES = {
    messageId: 'an id', to: 'to', subject: 'subject \u00fc', replyTo: 'reply',
    correlationId: 'correlation', contentType: 'application/json; charset=utf-8', contentEncoding: 'utf-8',
    groupId: 'group', groupSequence: 4_000_000_000, replyToGroupId: 'reply group',
};
const VALUES = {
    text: '\u00fc\u20ac\u{1F600}', empty: '', long: 'x'.repeat(70_000), bytes: Buffer.from([0, 255]), zero: 0, one: 1,
    negative: -7, large: 2 ** 40, veryLarge: 2 ** 53, fraction: 0.1, infinity: Infinity, true: true, false: false,
    null: null, time: TIME, list: [1, 'a', [null]], map: { a: { b: 1 } },
};
/// Application properties as the SDK returns them: times are numbers, and buffers are copied as objects.
const RECEIVED = { ...VALUES, time: TIME.getTime(), bytes: { 0: 0, 1: 255 } };

const everything = (body, bodyType) => ({
    body, bodyType, header: HEADER, properties: PROPERTIES, applicationProperties: { a: 1 },
    messageAnnotations: { mine: 'kept' }, deliveryAnnotations: { hop: 'this one only' }, footer: { sum: 7 },
});

/// Each: what is sent, the body that arrives, what else is checked.
const CASES = [
    [{ body: 'text' }, 'text'],
    [{ body: '' }, ''],
    [{ body: '\u00fc\u20ac\u{1F600}' }, '\u00fc\u20ac\u{1F600}'],
    [{ body: { a: [1, null] } }, { a: [1, null] }],
    [{ body: 7 }, 7],
    [{ body: Buffer.from([0, 255]) }, Buffer.from([0, 255])],
    [{ body: new Uint8Array([1, 2]) }, Buffer.from([1, 2])],
    [{ body: Buffer.alloc(0) }, Buffer.alloc(0)],
    // A Data section whose value is null.
    [{ body: null }, null],
    [{ body: undefined }, null],
    [{ body: 'x'.repeat(200_000) }, 'x'.repeat(200_000)],
    [{ body: 'full', properties: VALUES, contentType: 'a/b', messageId: 'm', correlationId: 7 }, 'full', {
        properties: RECEIVED, contentType: 'a/b', messageId: 'm', correlationId: 7,
    }],
    [{ body: 'id', messageId: 2 ** 40, correlationId: ID }, 'id', { messageId: 2 ** 40, correlationId: ID }],
    [{ body: Buffer.from('d'), bodyType: 'data' }, Buffer.from('d')],
    [{ body: [1, 'a', null], bodyType: 'sequence' }, [1, 'a', null]],
    [{ body: [[1], { a: 2 }], bodyType: 'sequence' }, [[1], { a: 2 }]],
    [{ body: [], bodyType: 'sequence' }, []],
    ...['text', 7, 0, true, null, 2.5, [1, ['a']], { a: { b: [null] } }].map(
        (value) => [{ body: value, bodyType: 'value' }, value],
    ),
    ...Object.entries(HEADER).map(([name, value]) => [
        { body: 'h', bodyType: 'data', header: { [name]: value } }, 'h', { header: { [name]: value } },
    ]),
    ...Object.entries(PROPERTIES).map(([name, value]) => [
        { body: 'p', bodyType: 'data', properties: { [name]: value } }, 'p', { amqpProperties: { [name]: value } },
    ]),
    [{ body: 'ttl', bodyType: 'data', header: { timeToLive: 86_400_000 } }, 'ttl', { header: { timeToLive: 86_400_000 } }],
    // The SDK writes a footer before the body.
    [{ body: 'f', bodyType: 'data', footer: { sum: 7 } }, 'f', { footer: { sum: 7 } }],
    [{ body: 'n', bodyType: 'data', messageAnnotations: { mine: [1], 'x-opt-sequence-number': 99 } }, 'n', {
        annotations: { mine: [1] },
    }],
    ...[[Buffer.from('all'), 'data'], [['all', 1], 'sequence'], [{ all: 1 }, 'value']].map(([body, type]) => [
        everything(body, type), body, {
            header: HEADER, amqpProperties: PROPERTIES, footer: { sum: 7 }, annotations: { mine: 'kept' },
            properties: { a: 1 },
        },
    ]),
];

/// Compares a received event with what was sent.
function check(got, [sent, body, rest = {}]) {
    const raw = got.getRawAmqpMessage();
    assert.deepStrictEqual(got.body, body);
    if (sent.bodyType !== undefined) assert.strictEqual(raw.bodyType, sent.bodyType);
    for (const name of ['properties', 'contentType', 'messageId', 'correlationId']) {
        if (name in rest) assert.deepStrictEqual(got[name], rest[name]);
    }
    const parts = { header: raw.header, amqpProperties: raw.properties, annotations: raw.messageAnnotations };
    for (const [part, found] of Object.entries(parts)) {
        for (const [name, value] of Object.entries(rest[part] ?? {})) assert.deepStrictEqual(found[name], value, name);
    }
    assert.deepStrictEqual(raw.footer, rest.footer);
    // Annotations of a sender are for the hub only.
    assert.strictEqual(raw.deliveryAnnotations, undefined);
    assert(typeof got.sequenceNumber === 'number' && typeof got.offset === 'string', got);
    assert(Math.abs(got.enqueuedTimeUtc - Date.now()) < 600_000, got.enqueuedTimeUtc);
}

module.exports = { CASES, check };
