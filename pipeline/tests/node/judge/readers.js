// The readers of the partitions, and the rules of owner levels.

'use strict';

const NON_EPOCH_MAX = 5;
const BESIDE_EPOCH = 'At least one receiver for the endpoint is created with epoch of '
    + "'0', and so non-epoch receiver is not allowed. Either reconnect with a higher epoch, or make sure all epoch "
    + 'receivers are closed or disconnected.';

class Readers {
    constructor() { this.all = new Set(); }

    of(partition, group) {
        return [...this.all].filter((reader) => reader.partition === partition && reader.group === group);
    }

    // Admits a reader and ends those that it displaces; or returns the refusal.
    admit(reader) {
        const present = this.of(reader.partition, reader.group);
        const owner = present.find((other) => other.epoch !== undefined);
        const stolen = (text) => ({ condition: 'amqp:link:stolen', text });
        if (reader.epoch === undefined) {
            if (owner) return stolen(BESIDE_EPOCH);
            if (present.length >= NON_EPOCH_MAX) {
                const names = present.map((other) => other.name).join(', ');
                const text = 'Exceeded the maximum number of allowed receivers per partition in a consumer group which is '
                    + `${NON_EPOCH_MAX}. List of connected receivers - ${names}.`;
                return { condition: 'amqp:resource-limit-exceeded', text };
            }
        } else if (owner && owner.epoch > reader.epoch) {
            return stolen(`Receiver '${owner.name}' with a higher epoch '${owner.epoch}' already exists. Receiver `
                + `'${reader.name}' with epoch ${reader.epoch} cannot be created. Make sure you are creating receiver with `
                + 'increasing epoch value to ensure connectivity, or ensure all old epoch receivers are closed or disconnected.');
        } else {
            for (const other of present) {
                this.remove(other);
                const text = other.epoch === undefined ? BESIDE_EPOCH
                    : `New receiver '${reader.name}' with higher epoch of '${reader.epoch}' is created hence current `
                    + `receiver '${other.name}' with epoch '${other.epoch}' is getting disconnected. If you are recreating `
                    + 'the receiver, make sure a higher epoch is used.';
                other.end({ condition: 'amqp:link:stolen', text });
            }
        }
        this.all.add(reader);
        return undefined;
    }

    remove(reader) { this.all.delete(reader); }
}

module.exports = { Readers };
