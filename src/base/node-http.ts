// What the gate uses of `node:http`, without the fetch that comes along: an `import` of a value from there reads every name the
// module exports, and reading `WebSocket` makes Node load its own undici: 45 ms of each start and 13 MB of each process (Node
// 24.21; docs/adr/0015-a-fast-start.md). `process.getBuiltinModule` gives the same module and reads nothing.
// Types are imported from `node:http` as usual: they are gone before anything runs.

const http = process.getBuiltinModule('node:http');

export const { Agent, createServer, IncomingMessage, request, ServerResponse, STATUS_CODES } = http;
