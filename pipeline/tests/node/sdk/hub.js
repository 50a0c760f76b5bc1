// Clients of the official JavaScript SDK for a hub, and events read from a partition.

'use strict';
const {
    EventHubBufferedProducerClient, EventHubConsumerClient, EventHubProducerClient, earliestEventPosition,
} = require('@azure/event-hubs');
const { WebSocket } = require('ws');

const TIMEOUT_MS = 40_000;

class Hub {
    constructor(hub) {
        this.connectionString = hub.connection_string;
        this.options = {};
        if (hub.transport === 'websocket' || hub.transport === 'wss') {
            // The SDK builds a wss URL in any case.
            const scheme = hub.transport === 'wss' ? 'wss' : 'ws';
            const path = `${scheme}://localhost:${hub.port}/$servicebus/websocket`;
            class Socket extends WebSocket {
                constructor(_url, ...rest) {
                    super(path, ...rest);
                }
            }
            this.options.webSocketOptions = { webSocket: Socket };
        }
        this.open = [];
    }

    keep(client) {
        this.open.push(client);
        return client;
    }

    producer(options) {
        return this.keep(new EventHubProducerClient(this.connectionString, { ...this.options, ...options }));
    }

    buffered(options) {
        return this.keep(new EventHubBufferedProducerClient(this.connectionString, { ...this.options, ...options }));
    }

    consumer(options, group = '$Default', ...rest) {
        return this.keep(
            new EventHubConsumerClient(group, this.connectionString, ...rest, { ...this.options, ...options }),
        );
    }

    /// The first events of a partition from a position on.
    async receive(partition, count, startPosition = earliestEventPosition, options = {}) {
        const reader = this.read(partition, { startPosition, ...options });
        try {
            return await reader.waitFor(count);
        } finally {
            await reader.close();
        }
    }

    read(partition, options, clientOptions) {
        return new Reader(this.consumer({ ...ONCE, ...clientOptions }, options.group), partition, options);
    }

    async close() {
        await Promise.all(this.open.map((client) => client.close()));
    }
}

/// A client that does not try again by itself.
const ONCE = { retryOptions: { maxRetries: 0 } };

/// A reader of one partition.
class Reader {
    constructor(client, partition, options) {
        this.client = client;
        this.events = [];
        this.errors = [];
        this.calls = 0;
        this.waiting = [];
        const changed = () => this.waiting.forEach((check) => check());
        this.subscription = client.subscribe(partition, {
            processEvents: async (events, context) => {
                this.calls += 1;
                this.events.push(...events);
                this.metrics = context.lastEnqueuedEventProperties;
                changed();
            },
            processError: async (error) => {
                this.errors.push(error);
                changed();
            },
        }, { maxWaitTimeInSeconds: 1, startPosition: earliestEventPosition, ...options });
    }

    wait(condition) {
        return new Promise((resolve, reject) => {
            const state = () => new Error(`${this.events.length} events, errors ${this.errors}`);
            const timer = setTimeout(() => reject(state()), TIMEOUT_MS);
            const check = () => {
                if (!condition()) return;
                clearTimeout(timer);
                this.waiting = this.waiting.filter((other) => other !== check);
                resolve();
            };
            this.waiting.push(check);
            check();
        });
    }

    async waitFor(count) {
        await this.wait(() => this.errors.length > 0 || this.events.length >= count);
        if (this.errors.length > 0) throw this.errors[0];
        return this.events.slice(0, count);
    }

    async waitForError() {
        await this.wait(() => this.errors.length > 0);
        return this.errors[0];
    }

    /// Waits for the first call without an event: the link is attached.
    async waitForCall() {
        await this.wait(() => this.calls > 0 || this.errors.length > 0);
        return this;
    }

    async close() {
        await this.subscription.close();
        await this.client.close();
    }
}

const bodies = (events) => events.map((event) => event.body);

/// The error that an action rejects with.
async function errorOf(action) {
    let result;
    try {
        result = await action();
    } catch (error) {
        return error;
    }
    throw new Error(`no error, but ${result}`);
}

module.exports = { Hub, ONCE, bodies, errorOf };
