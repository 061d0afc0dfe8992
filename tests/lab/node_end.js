// node_end.js - a TLS end of Node's own OpenSSL.
//
//   node node_end.js server ADDRESS PORT NAME      serves until killed, certificate small.pem
//   node node_end.js client ADDRESS PORT NAME [MAX_VERSION [GROUPS]]   one handshake, a few bytes, and closes
"use strict";
const fs = require("fs");
const tls = require("tls");

const [kind, host, port, servername, maxVersion, groups] = process.argv.slice(2);

if (kind === "server") {
    const options = {
        key: fs.readFileSync("small.key"),
        cert: fs.readFileSync("small.pem"),
        maxVersion: maxVersion || "TLSv1.3",
        ecdhCurve: groups || "auto",
    };
    const server = tls.createServer(options, (socket) => {
        socket.on("error", () => {});
        socket.on("data", (data) => socket.end(data));
    });
    server.on("tlsClientError", () => {});
    server.listen(Number(port));
} else {
    const options = {
        host,
        port: Number(port),
        servername,
        rejectUnauthorized: false,
        maxVersion: maxVersion || "TLSv1.3",
        ecdhCurve: groups || "X25519MLKEM768:X25519:P-256",
    };
    const socket = tls.connect(options, () => socket.write("hello\n"));
    socket.on("data", () => socket.end());
    socket.on("error", (error) => {
        console.error(String(error));
        process.exitCode = 1;
    });
    socket.setTimeout(8000, () => socket.destroy());
}
