// The transports of the hub: TCP, TLS, WebSocket, WebSocket over TLS. Each gives `serve` a stream, and the socket below it.

'use strict';
const fs = require('fs');
const http = require('http');
const net = require('net');
const tls = require('tls');
const { WebSocketServer, createWebSocketStream } = require('ws');

const PATH = /^\/\$servicebus\/websocket\/?$/;

function listen(kind, certificate, serve) {
    const secureContext = certificate && tls.createSecureContext({
        key: fs.readFileSync(certificate.key), cert: fs.readFileSync(certificate.cert),
    });
    const sockets = new WeakMap();
    const web = webSocketServer((stream, below) => serve(stream, sockets.get(below), kind));
    const server = net.createServer((socket) => {
        socket.setNoDelay(true);
        socket.on('error', () => {});
        let stream = socket;
        if (secureContext) {
            stream = new tls.TLSSocket(socket, { isServer: true, secureContext });
            stream.on('error', () => {});
        }
        sockets.set(stream, socket);
        const ready = () => (kind.startsWith('ws') ? web.emit('connection', stream) : serve(stream, socket, kind));
        if (secureContext) stream.once('secure', ready);
        else ready();
    });
    return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));
}

// An HTTP server that serves WebSocket at the path and with the subprotocols of the service.
function webSocketServer(serve) {
    const handleProtocols = (asked) => ['AMQPWSB10', 'amqp'].find((known) => asked.has(known)) ?? false;
    const sockets = new WebSocketServer({ noServer: true, handleProtocols, perMessageDeflate: false });
    const server = http.createServer((_, response) => response.writeHead(404).end());
    server.on('upgrade', (request, below, head) => {
        const asked = request.headers['sec-websocket-protocol'] ?? '';
        if (!PATH.test(request.url) || !/\b(AMQPWSB10|amqp)\b/.test(asked)) {
            below.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n');
            return;
        }
        sockets.handleUpgrade(request, below, head, (socket) => serve(createWebSocketStream(socket), below));
    });
    return server;
}

module.exports = { listen };
