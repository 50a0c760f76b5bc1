// A partition that grows, and the positions that a reader may ask for.

'use strict';
const fs = require('fs');

// Every seventh event is not a Dataverse event: it has a body of this form, sometimes of several frames.
const isFiller = (n) => n % 7 === 3;
const filler = (partition, n) => {
    const length = n % 700 === 3 ? 300000 : (n * 37) % 3000;
    return Buffer.from(`${partition}:${n}:${'x'.repeat(length)}`);
};

class Partition {
    // `bodies`: lines of Dataverse events. `first`: the number of the oldest event that the hub still has.
    constructor(id, count, bodies, first) {
        Object.assign(this, { id, count, bodies, first, times: [] });
    }

    get begin() { return this.times.length === 0 ? -1 : this.first; }
    get last() { return this.times.length === 0 ? -1 : this.first + this.times.length - 1; }
    get lastOffset() { return this.offset(this.last); }
    get lastTime() { return this.times.length === 0 ? 0 : this.times[this.times.length - 1]; }

    offset(n) { return n < 0 ? '-1' : String(4096 + n * 48); }
    time(n) { return this.times[n - this.first]; }

    body(n) {
        if (isFiller(n)) return filler(this.id, n);
        return this.bodies[(n * this.count + this.id) % this.bodies.length];
    }

    growTo(events) {
        const now = Date.now();
        while (this.times.length < events) this.times.push(now);
    }

    // The number of the first event that a selector selects; or the text of a refusal.
    select(selector) {
        if (selector === undefined) return { next: this.first };
        const match = /^amqp\.annotation\.(x-opt-[a-z-]+) *(>=?) *('?)([^']+)\3$/.exec(selector);
        const refuse = (text) => ({ refusal: text });
        if (!match) return refuse(`The filter '${selector}' is not a valid amqp filter for EventHub entities`);
        const [, field, operator, , value] = match;
        const step = operator === '>' ? 1 : 0;
        // A position that retention has passed is the oldest event.
        const from = (n) => ({ next: Math.max(n, this.first) });
        switch (field) {
        case 'x-opt-offset': {
            if (value === '-1') return from(this.first);
            if (value === '@latest') return from(this.last + 1);
            const n = (Number(value) - 4096) / 48;
            if (!Number.isInteger(n) || n < 0 || n > this.last) {
                return refuse(`The supplied offset '${value}' is invalid. The last offset in the system is '${this.lastOffset}'`);
            }
            return from(n + step);
        }
        case 'x-opt-sequence-number': {
            const n = Number(value);
            if (!Number.isInteger(n) || n > this.last) {
                return refuse(`The supplied sequence number '${value}' is invalid. The last sequence number in the system is '${this.last}'`);
            }
            return from(n + step);
        }
        case 'x-opt-enqueued-time': {
            const later = this.times.findIndex((time) => (step ? time > Number(value) : time >= Number(value)));
            return from(later === -1 ? this.last + 1 : this.first + later);
        }
        default:
            return refuse(`The filter '${selector}' is not a valid amqp filter for EventHub entities`);
        }
    }
}

const readBodies = (file) => fs.readFileSync(file).toString('utf8').split('\n').filter(Boolean).map((line) => Buffer.from(line));

module.exports = { Partition, readBodies };
