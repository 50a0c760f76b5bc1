// Faults: each once after a number of events, or one of a list at random every so often.

'use strict';

// Numbers between 0 and 1 that depend on the seed only (mulberry32).
function random(seed) {
    let state = seed >>> 0;
    return () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let mixed = Math.imul(state ^ (state >>> 15), state | 1);
        mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
        return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
    };
}

const DEFAULTS = {
    detach: { condition: 'amqp:link:detach-forced', text: 'The link was detached because the partition moves.' },
    'session-end': { condition: 'amqp:internal-error', text: 'The service was unable to process the request.' },
    close: { condition: 'amqp:connection:forced', text: 'The connection was closed because the node drains.' },
    busy: { attempts: 2 },
    stolen: { milliseconds: 1000 },
    stall: { milliseconds: 1000 },
    silence: {},
    reset: {},
    // Tokens that are refused afterwards, because the hub is busy.
    lapse: { busy: 0 },
    revoke: {},
};

// Events between two random faults, at least.
const EVENTS_BETWEEN = 50;

class Faults {
    // `scripted`: [{after, kind, …}], in ascending order. `repeated`: {every, kinds, seed}, every in milliseconds.
    constructor(scripted, repeated) {
        this.scripted = [...scripted];
        this.repeated = repeated;
        this.next = random(repeated?.seed ?? 1);
        this.due = repeated ? Date.now() + repeated.every : Infinity;
        this.from = 0;
        this.count = {};
        // Answers that are still refused.
        this.busyAttaches = 0;
        this.busyRequests = 0;
        this.busyTokens = 0;
    }

    // The fault that happens now, after this number of events in all.
    take(sent) {
        if (this.scripted.length > 0 && sent >= this.scripted[0].after) return this.complete(this.scripted.shift());
        // Between two faults readers get ahead.
        if (Date.now() < this.due || sent < this.from) return undefined;
        this.due = Date.now() + this.repeated.every;
        this.from = sent + EVENTS_BETWEEN;
        const kinds = this.repeated.kinds;
        return this.complete({ kind: kinds[Math.floor(this.next() * kinds.length)] });
    }

    // The seeded place where a frame breaks.
    placeIn(length) { return 1 + Math.floor(this.next() * (length - 1)); }

    complete(fault) {
        if (!(fault.kind in DEFAULTS)) throw new Error(`unknown fault ${fault.kind}`);
        this.count[fault.kind] = (this.count[fault.kind] ?? 0) + 1;
        return { ...DEFAULTS[fault.kind], ...fault };
    }
}

module.exports = { Faults };
