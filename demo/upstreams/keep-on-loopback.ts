// Preloaded (`node --import`) into the MCP server that the demo starts. That server binds every interface and a port it is
// told; here it binds loopback and a free port instead, tells its parent which, and ends when the parent does.

import { Server } from 'node:net';

const listen = Server.prototype.listen;

Server.prototype.listen = function listenOnLoopback(this: Server, ...given: unknown[]): Server {
  const ready = given.find((argument): argument is () => void => typeof argument === 'function');
  this.once('listening', () => {
    const address = this.address();
    if (typeof address === 'object') process.send?.({ port: address?.port });
  });
  return listen.call(this, { port: 0, host: '127.0.0.1' }, ready);
};

process.once('disconnect', () => process.exit());
