// Error conditions and their texts, as the service writes them.

'use strict';
const crypto = require('crypto');

const tracked = (text) => `${text} TrackingId:${crypto.randomUUID()}_G27, SystemTracker:judge:eventhub:events, `
    + `Timestamp:${new Date().toISOString().slice(0, 19)}`;
const asError = ({ condition, text }) => ({ condition, description: tracked(text) });
const BUSY = {
    condition: 'com.microsoft:server-busy',
    text: 'The request was terminated because the entity is being throttled. Error code : 50002. Please wait 4 seconds and try again.',
};
const UNAUTHORIZED = { condition: 'amqp:unauthorized-access', text: "Unauthorized access. 'Listen' claim(s) are required to perform this operation." };
const EXPIRED = { condition: 'amqp:unauthorized-access', text: 'ExpiredToken: The token is expired.' };

module.exports = { tracked, asError, BUSY, UNAUTHORIZED, EXPIRED };
