// Checks of a hub by the official JavaScript SDK.
//
//   node sdk.js HUB SUBJECT...
//
// HUB is JSON: connection_string, and for a WebSocket its port. A subject is a file of the folder sdk; `SUBJECT.CHECK` is
// one check of it. All checks run at once, each on a partition of its own.

'use strict';
const { Hub } = require('./sdk/hub.js');

const [hub, ...subjects] = process.argv.slice(2);
const checks = subjects.flatMap((subject) => {
    const [file, name] = subject.split('.');
    return Object.entries(require(`./sdk/${file}.js`)).filter(([check]) => name === undefined || check === name);
});
if (checks.length === 0) throw new Error(`no checks: ${subjects}`);

const failed = [];
async function run([name, check], partition) {
    const began = Date.now();
    const hub_ = new Hub(JSON.parse(hub));
    try {
        await check(hub_, String(partition));
        console.log(`passed ${name} in ${(Date.now() - began) / 1000} s`);
    } catch (error) {
        failed.push(name);
        console.log(`failed ${name}\n`, error);
    } finally {
        await hub_.close();
    }
}

Promise.all(checks.map(run)).then(() => {
    if (failed.length > 0) console.error(`failed: ${failed.join(', ')}`);
    process.exit(failed.length > 0 ? 1 : 0);
});
