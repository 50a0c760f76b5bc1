// A hub with one partition, made of rhea: an AMQP library that shares no code with ours or with fe2o3-amqp.
//
//   node hub.js EVENTS
//
// Prints its port, then serves until its standard input closes. Accepts every token. Event n has the sequence number n and the
// body "n:" followed by a number of x, so that some events take several frames.

'use strict';
const rhea = require('rhea');
const { types, message } = rhea;

const EVENTS = Number(process.argv[2]);
const container = rhea.create_container({ id: 'independent', max_frame_size: 65536 });
container.sasl_server_mechanisms.enable_anonymous();

function event(n) {
    const length = n % 100 === 7 ? 300000 : (n * 37) % 3000;
    return {
        message_annotations: {
            'x-opt-sequence-number': types.wrap_long(n),
            'x-opt-offset': String(n * 16),
            'x-opt-enqueued-time': types.wrap_timestamp(1700000000000 + n),
            // Annotations that the receiver skips.
            'x-opt-partition-key': 'key',
            'x-opt-list': types.wrap_list(['a', 1, true, types.wrap_list([])]),
        },
        ...(n % 3 === 0 ? { durable: true, ttl: 60000 } : {}),
        ...(n % 2 === 0 ? { message_id: 'id-' + n, content_type: 'application/json', subject: 's' } : {}),
        application_properties: { text: 'é' + n, number: n, flag: n % 2 === 0, double: types.wrap_double(1.5) },
        body: message.data_section(Buffer.from(n + ':' + 'x'.repeat(length))),
    };
}

// Each link gets the terminus that it asks for.
container.on('receiver_open', ({ receiver }) => receiver.set_target({ address: receiver.target.address }));
container.on('sender_open', ({ sender }) => sender.set_source({ address: sender.source.address }));

container.on('message', ({ message: request, connection }) => {
    const answer = connection.find_sender((sender) => sender.source.address === '$cbs');
    answer.send({
        to: request.reply_to,
        correlation_id: request.message_id,
        application_properties: { 'status-code': types.wrap_int(202), 'status-description': 'Accepted' },
    });
});

// The next event of each link; credit arrives in parts.
const next = new Map();
container.on('sendable', ({ sender }) => {
    if (!sender.source.address.includes('/Partitions/')) return;
    let n = next.get(sender) ?? 0;
    for (; n < EVENTS && sender.sendable(); n++) sender.send(event(n));
    next.set(sender, n);
});

container.on('error', (error) => { throw error; });

const listener = container.listen({ port: 0, host: '127.0.0.1' });
listener.on('listening', () => console.log(listener.address().port));
process.stdin.on('end', () => process.exit(0)).resume();
