// Sends events in the encoding of rhea, which the official JavaScript SDK uses too.
//
//   node send.js PORT KEY-NAME KEY
//
// To partition 0 of the hub "events": a body, no body (a Data section that holds null), a footer (which rhea puts before
// the body), a text and a body. Ends once the hub has accepted all of them.

'use strict';
const rhea = require('rhea');
const { data_section: data } = rhea.message;

const [port, username, password] = process.argv.slice(2);
const body = (name) => data(Buffer.from(JSON.stringify({
    MessageName: 'Update',
    PrimaryEntityName: 'account',
    PrimaryEntityId: '00000000-0000-0000-0000-000000000001',
    InputParameters: [{
        key: 'Target',
        value: {
            LogicalName: 'account',
            Id: '00000000-0000-0000-0000-000000000001',
            Attributes: [{ key: 'name', value: name }],
        },
    }],
})));

const events = [
    { body: body('before') },
    { body: data(null) },
    { footer: { 'x-checksum': 7 }, body: body('footer') },
    { body: 'a text' },
    { body: body('behind') },
];

const container = rhea.create_container({ id: 'sender' });
const connection = container.connect({ host: '127.0.0.1', port: Number(port), username, password, reconnect: false });
const sender = connection.open_sender('events/Partitions/0');
sender.once('sendable', () => events.forEach((event) => sender.send(event)));

let waiting = events.length;
container.on('accepted', () => {
    waiting -= 1;
    if (waiting === 0) connection.close();
});
for (const failure of ['rejected', 'sender_error', 'connection_error', 'disconnected', 'error']) {
    container.on(failure, (context) => {
        if (waiting === 0) return;
        console.error(failure, context.error ?? context.delivery?.remote_state ?? context);
        process.exit(1);
    });
}
