// The collector of a run: takes whatever OTLP brings and counts it.

import { announce, readJob } from './job.ts';
import { startSmallServer } from './small.ts';

readJob();
let requests = 0;
let received = 0;
const answer = Buffer.from('HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n');
const port = await startSmallServer(answer, (bytes) => {
  requests += 1;
  received += bytes;
});
process.on('message', () => process.send?.({ requests, received }));
announce({ address: '127.0.0.1', family: 'IPv4', port });
