// A hub on rhea that behaves like the service where a consumer can notice, with faults. No code of ours is below it.
//
//   node judge.js CONFIGURATION
//
// The configuration is a JSON object:
//   hub, key_name, key   name of the hub, and the shared access key that tokens are checked with
//   partitions           number of partitions
//   bodies               file with a Dataverse event per line
//   first                number of the oldest event
//   at_start, rate, events   events of a partition at the start, then per second, and in all
//   settled              deliveries are sent settled (default true)
//   idle_time_out        milliseconds, stated in Open; after twice this time without a frame the hub closes
//   listen               the transports: "plain", "tls", "ws", "wss"
//   certificate          files {key, cert} for tls and wss
//   token_life           a token lapses after this number of seconds at the latest
//   faults, repeated     see judge/faults.js
//   signature_life       a signature that lapses after this number of seconds is printed beside the ports
//   limit                seconds until {"all_sent": false} is printed
//
// Prints one JSON object with the port of each transport. With a limit it prints {"all_sent": true} once all events are
// sent over links that are still open. It serves until its standard input closes, and then prints its counts. A refused link is an Attach without a source, followed by a Detach with the error, as from the
// service.

'use strict';
const crypto = require('crypto');
const rhea = require('rhea');
const { asError, BUSY, EXPIRED, UNAUTHORIZED, tracked } = require('./judge/errors.js');
const { Faults } = require('./judge/faults.js');
const { Partition, readBodies } = require('./judge/partition.js');
const { Readers } = require('./judge/readers.js');
const { checkToken, pathOf, readProperties, signature } = require('./judge/requests.js');
const { listen } = require('./judge/transports.js');
const { types, message } = rhea;

const config = { settled: true, idle_time_out: 240000, faults: [], ...JSON.parse(process.argv[2]) };
const faults = new Faults(config.faults, config.repeated);
const readers = new Readers();
const bodies = readBodies(config.bodies);
const partitions = Array.from({ length: config.partitions }, (_, id) => new Partition(id, config.partitions, bodies, config.first));
const createdAt = Date.now();
const counts = { connections: {}, tokens: 0, attached: 0, refused: 0, sent: 0, lapsed: 0, problems: [] };
const connections = new Map();

// ---- Sending

const METRICS = 'com.microsoft:enable-receiver-runtime-metric';

function encoded(partition, n, withMetrics) {
    return {
        ...(n % 3 === 0 ? { durable: true, ttl: 60000 } : {}),
        ...(withMetrics ? { delivery_annotations: {
            last_enqueued_sequence_number: types.wrap_long(partition.last),
            last_enqueued_offset: partition.lastOffset,
            last_enqueued_time_utc: types.wrap_timestamp(partition.lastTime),
            runtime_info_retrieval_time_utc: types.wrap_timestamp(Date.now()),
        } } : {}),
        message_annotations: {
            'x-opt-sequence-number': types.wrap_long(n),
            'x-opt-offset': partition.offset(n),
            'x-opt-enqueued-time': types.wrap_timestamp(partition.time(n)),
            ...(n % 5 === 0 ? { 'x-opt-partition-key': `key-${n}` } : {}),
        },
        ...(n % 2 === 0 ? { message_id: `id-${n}`, content_type: 'application/json' } : {}),
        application_properties: { number: n },
        body: message.data_section(partition.body(n)),
    };
}

function pump(reader) {
    const { sender, partition } = reader;
    const state = connections.get(sender.connection);
    while (!state.silent && readers.all.has(reader) && reader.next <= partition.last && Date.now() >= (partition.stalledUntil ?? 0)
        && sender.credit > reader.sent - sender.delivery_count && sender.session.outgoing.available() > 0) {
        const fault = faults.take(counts.sent);
        if (fault) {
            inject(fault, reader);
            // After the frames of the events so far.
            setImmediate(pump, reader);
            return;
        }
        sender.send(encoded(partition, reader.next, reader.withMetrics));
        reader.next += 1;
        reader.sent += 1;
        counts.sent += 1;
        // The frame of this event breaks.
        if (state.breaks) return;
    }
}

function inject(fault, reader) {
    const { sender, partition } = reader;
    const state = connections.get(sender.connection);
    switch (fault.kind) {
    case 'detach':
        reader.end(fault);
        readers.remove(reader);
        break;
    case 'session-end':
        readers.remove(reader);
        sender.session.close(asError(fault));
        break;
    case 'close':
        forget(sender.connection);
        sender.connection.close(asError(fault));
        break;
    case 'reset':
        setImmediate(() => { state.breaks = true; });
        break;
    case 'silence':
        setImmediate(() => { state.silent = true; });
        break;
    case 'busy':
        Object.assign(faults, { busyAttaches: fault.attempts, busyRequests: fault.attempts });
        reader.end(BUSY);
        readers.remove(reader);
        break;
    case 'stolen': {
        const other = { ...reader, name: 'other', epoch: (reader.epoch ?? 0) + 1, sender: undefined, end: () => {} };
        readers.admit(other);
        setTimeout(() => readers.remove(other), fault.milliseconds);
        break;
    }
    case 'stall':
        partition.stalledUntil = Date.now() + fault.milliseconds;
        break;
    case 'lapse':
        faults.busyTokens = fault.busy;
        lapse(sender.connection);
        break;
    case 'revoke':
        config.key = crypto.randomUUID();
        lapse(sender.connection);
        break;
    }
}

// ---- Connections

const container = rhea.create_container({
    id: `${crypto.randomUUID().replaceAll('-', '')}_G27`,
    max_frame_size: 65536, channel_max: 4999, idle_time_out: config.idle_time_out, reconnect: false,
});
container.sasl_server_mechanisms.enable_anonymous();
container.sasl_server_mechanisms.MSSBCBS = container.sasl_server_mechanisms.ANONYMOUS;

function serve(stream, socket, kind) {
    counts.connections[kind] = (counts.connections[kind] ?? 0) + 1;
    const connection = container.create_connection({});
    const state = { authorizedUntil: 0, breaks: false, silent: false };
    connections.set(connection, state);
    const write = stream.write.bind(stream);
    stream.write = (chunk, ...more) => {
        if (state.silent || socket.destroyed) return true;
        // A frame with an event, not an empty one.
        if (!state.breaks || chunk.length < 100) return writeIn(kind, write, chunk, more);
        state.silent = true;
        return write(chunk.subarray(0, faults.placeIn(chunk.length)), () => setTimeout(() => socket.resetAndDestroy(), 5));
    };
    socket.on('close', () => {
        forget(connection);
        connection.eof();
    });
    connection.accept(stream);
}

// A message of a WebSocket need not be a frame.
function writeIn(kind, write, chunk, more) {
    if (!kind.startsWith('ws') || chunk.length < 2) return write(chunk, ...more);
    const place = faults.placeIn(chunk.length);
    write(chunk.subarray(0, place));
    return write(chunk.subarray(place), ...more);
}

// Removes the readers of a connection that ends.
function forget(connection) {
    for (const reader of readers.all) if (reader.sender?.connection === connection) readers.remove(reader);
    clearTimeout(connections.get(connection)?.timer);
}

// ---- Links

const nodeOf = (address) => (/(?:^|\/)(\$cbs|\$management)$/.exec(pathOf(address)) ?? [])[1];

function refuse(link, error) {
    counts.refused += 1;
    link.close(asError(error));
}

// A second pair of links to $cbs is refused.
function isSecond(link) {
    const isSame = (other) => other !== link && other.is_open() && link.is_receiver() === other.is_receiver()
        && nodeOf(link.is_receiver() ? other.target?.address : other.source?.address) === '$cbs';
    let found = false;
    link.connection.each_link((other) => { found = found || isSame(other); });
    return found;
}

function openNode(link, node, echo) {
    if (node === '$cbs' && isSecond(link)) {
        refuse(link, { condition: 'amqp:not-allowed', text: 'The $cbs node has already been opened.' });
        return;
    }
    if (node === '$management' && !isAuthorized(link.connection)) {
        refuse(link, UNAUTHORIZED);
        return;
    }
    echo();
}

container.on('receiver_open', ({ receiver }) => {
    const node = nodeOf(receiver.target?.address);
    if (!node) {
        refuse(receiver, { condition: 'amqp:not-found', text: `The messaging entity '${receiver.target?.address}' could not be found.` });
        return;
    }
    openNode(receiver, node, () => {
        receiver.set_source({ address: receiver.source?.address });
        receiver.set_target({ address: receiver.target.address });
    });
});

container.on('sender_open', ({ sender }) => {
    const node = nodeOf(sender.source?.address);
    const echo = () => {
        const { address, filter } = sender.source;
        sender.set_source({ address, ...(filter ? { filter } : {}) });
        sender.set_target({ address: sender.target?.address });
    };
    if (node) openNode(sender, node, echo);
    else openReader(sender, echo);
});

function openReader(sender, echo) {
    const { connection, source, properties } = sender;
    const match = /^([^/]+)\/ConsumerGroups\/([^/]+)\/Partitions\/(\d+)$/i.exec(pathOf(source?.address));
    const partition = match && match[1].toLowerCase() === config.hub.toLowerCase() ? partitions[Number(match[3])] : undefined;
    if (!partition) {
        refuse(sender, { condition: 'amqp:not-found', text: `The messaging entity '${source?.address}' could not be found.` });
        return;
    }
    if (!isAuthorized(connection)) return void refuse(sender, UNAUTHORIZED);
    if (faults.busyAttaches > 0) {
        faults.busyAttaches -= 1;
        return void refuse(sender, BUSY);
    }
    const filter = source.filter?.['apache.org:selector-filter:string'];
    const { next, refusal } = partition.select(filter?.value ?? filter);
    if (refusal) return void refuse(sender, { condition: 'com.microsoft:argument-error', text: refusal });
    const reader = {
        sender, partition, next, group: match[2], sent: 0,
        epoch: properties?.['com.microsoft:epoch'],
        name: properties?.['com.microsoft:receiver-name'] ?? 'nil',
        withMetrics: [sender.desired_capabilities].flat().some((capability) => String(capability) === METRICS),
        end: (error) => sender.close(asError(error)),
    };
    const refused = readers.admit(reader);
    if (refused) return void refuse(sender, refused);
    counts.attached += 1;
    sender.local.attach.snd_settle_mode = config.settled ? 1 : 0;
    echo();
}

container.on('sender_close', ({ sender }) => {
    for (const reader of readers.all) if (reader.sender === sender) readers.remove(reader);
});
container.on('session_close', ({ session }) => {
    for (const reader of readers.all) if (reader.sender?.session === session) readers.remove(reader);
});
container.on('sender_flow', ({ sender }) => {
    for (const reader of readers.all) if (reader.sender === sender) pump(reader);
});

// ---- Requests

container.on('message', ({ message: request, receiver, connection }) => {
    // It was on its way when the hub ended the session or the connection.
    if (!receiver.is_open()) return;
    const node = nodeOf(receiver.target.address);
    const [status, description, body] = node === '$cbs' ? putToken(connection, request) : read(connection, request);
    const back = connection.find_sender((sender) => sender.is_open() && nodeOf(sender.source?.address) === node
        && (sender.target?.address === request.reply_to || node === '$cbs'));
    if (!back) {
        counts.problems.push(`a request to ${node} has the unknown reply-to ${request.reply_to}`);
        return;
    }
    back.send({
        to: request.reply_to,
        correlation_id: request.message_id,
        application_properties: { 'status-code': types.wrap_int(status), 'status-description': description },
        ...(body ? { body } : {}),
    });
});

const isAuthorized = (connection) => connections.get(connection).authorizedUntil > Date.now();

function putToken(connection, request) {
    const { until, refusal } = checkToken(config, request);
    if (refusal) return refusal;
    if (faults.busyTokens > 0) {
        faults.busyTokens -= 1;
        return [503, tracked(BUSY.text)];
    }
    counts.tokens += 1;
    const state = connections.get(connection);
    state.authorizedUntil = until;
    clearTimeout(state.timer);
    // A timer takes 32 bits.
    state.timer = setTimeout(lapse, Math.min(until - Date.now(), 2 ** 31 - 1), connection);
    return [202, 'Accepted'];
}

function read(connection, request) {
    if (!isAuthorized(connection)) return [401, tracked(EXPIRED.text)];
    return readProperties({ config, faults, partitions, createdAt }, request);
}

// Detaches all readers of a connection whose token has lapsed. Those that have received nothing stay: a token that was
// renewed does not lapse at once.
function lapse(connection) {
    connections.get(connection).authorizedUntil = 0;
    for (const reader of readers.all) {
        if (reader.sender?.connection !== connection || reader.sent === 0) continue;
        counts.lapsed += 1;
        readers.remove(reader);
        reader.end(EXPIRED);
    }
}

// ---- The process

// Lost connections are a part of the tests.
for (const expected of ['disconnected', 'connection_close', 'connection_error', 'session_error', 'sender_error']) {
    container.on(expected, () => {});
}
for (const problem of ['protocol_error', 'error']) {
    container.on(problem, (error) => counts.problems.push(String(error?.stack ?? error?.message ?? error)));
}

// Events arrive in steps of this many milliseconds.
const STEP = 20;
function grow() {
    const events = (config.at_start ?? 0) + ((Date.now() - createdAt) * (config.rate ?? 0)) / 1000;
    for (const partition of partitions) partition.growTo(Math.floor(Math.min(events, config.events)));
    for (const reader of readers.all) if (reader.sender) pump(reader);
    if (config.limit && !reported) reportSent();
}

let reported = false;
function reportSent() {
    const isSent = ({ sender, next, sent }) => sender && next === config.first + config.events
        && sent === sender.delivery_count;
    const done = new Set([...readers.all].filter(isSent).map(({ partition }) => partition));
    reported = done.size === partitions.length || Date.now() - createdAt > config.limit * 1000;
    if (reported) console.log(JSON.stringify({ all_sent: done.size === partitions.length }));
}
grow();
setInterval(grow, STEP);

Promise.all(config.listen.map(async (kind) => {
    const certificate = ['tls', 'wss'].includes(kind) ? config.certificate : undefined;
    return [kind, await listen(kind, certificate, serve)];
})).then((ports) => console.log(JSON.stringify({
    ...Object.fromEntries(ports),
    ...(config.signature_life ? { signature: signature(config, config.signature_life) } : {}),
})));

process.stdin.on('end', () => {
    console.log(JSON.stringify({ ...counts, faults: faults.count }));
    process.exit(0);
}).resume();
