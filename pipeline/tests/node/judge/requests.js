// Answers of the nodes $cbs and $management: a status, a description, and a body.

'use strict';
const crypto = require('crypto');
const { types } = require('rhea');
const { BUSY, tracked } = require('./errors.js');

// The path of an address that may be a URL.
const pathOf = (address) => decodeURIComponent((address ?? '').replace(/^[a-z]+:\/\/[^/]*/i, '').replace(/^\//, ''));

const sign = ({ key }, resource, expiry) => crypto.createHmac('sha256', key).update(`${resource}\n${expiry}`).digest('base64');

// A shared access signature that lapses after this number of seconds.
function signature(config, life) {
    const resource = encodeURIComponent(`sb://localhost/${config.hub}`);
    const expiry = Math.floor(Date.now() / 1000) + life;
    const sig = encodeURIComponent(sign(config, resource, expiry));
    return `SharedAccessSignature sr=${resource}&sig=${sig}&se=${expiry}&skn=${config.key_name}`;
}

// Checks a shared access signature: its key, hub and expiry. Returns the time at which it lapses, or the refusal.
function checkToken(config, { application_properties: properties, body }) {
    if (properties?.operation !== 'put-token') return { refusal: [400, 'Unknown operation'] };
    const fields = Object.fromEntries(String(body).replace(/^SharedAccessSignature /, '').split('&').map((field) => {
        const at = field.indexOf('=');
        return [field.slice(0, at), field.slice(at + 1)];
    }));
    const text = (field) => decodeURIComponent(field ?? '');
    const hub = config.hub.toLowerCase();
    const fits = text(fields.sig) === sign(config, fields.sr, fields.se) && text(fields.skn) === config.key_name
        && pathOf(text(fields.sr)).toLowerCase() === hub && pathOf(properties.name).toLowerCase().startsWith(hub);
    if (!fits) return { refusal: [401, tracked('InvalidSignature: The token has an invalid signature.')] };
    const expires = Number(fields.se) * 1000;
    if (!(expires > Date.now())) return { refusal: [401, tracked('ExpiredToken: The token is expired.')] };
    return { until: Math.min(expires, config.token_life ? Date.now() + config.token_life * 1000 : Infinity) };
}

// The properties of the hub or of a partition.
function readProperties({ config, faults, partitions, createdAt }, { application_properties: asked }) {
    if (faults.busyRequests > 0) {
        faults.busyRequests -= 1;
        return [503, tracked(BUSY.text)];
    }
    if (asked?.operation !== 'READ') return [400, tracked('Bad Request: unknown operation.')];
    if (String(asked.name).toLowerCase() !== config.hub.toLowerCase()) return [404, tracked('NotFound: the hub does not exist.')];
    const entity = { name: config.hub, type: asked.type };
    if (asked.type === 'com.microsoft:eventhub') {
        return [200, 'OK', {
            ...entity,
            created_at: types.wrap_timestamp(createdAt),
            partition_count: types.wrap_int(partitions.length),
            // 0xa1 is the type of a string.
            partition_ids: types.wrap_array(partitions.map(({ id }) => String(id)), 0xa1, undefined),
            georeplication_factor: types.wrap_int(1),
        }];
    }
    const partition = partitions[Number(asked.partition)];
    if (!partition) return [404, tracked('NotFound: the partition does not exist.')];
    return [200, 'OK', {
        ...entity,
        partition: String(partition.id),
        begin_sequence_number: types.wrap_long(partition.begin),
        begin_sequence_number_epoch: types.wrap_int(-1),
        last_enqueued_sequence_number: types.wrap_long(partition.last),
        last_enqueued_sequence_number_epoch: types.wrap_int(-1),
        last_enqueued_offset: partition.lastOffset,
        last_enqueued_time_utc: types.wrap_timestamp(partition.lastTime),
        is_partition_empty: types.wrap_boolean(partition.last < 0),
        runtime_info_retrieval_time_utc: types.wrap_timestamp(Date.now()),
    }];
}

module.exports = { checkToken, pathOf, readProperties, signature };
