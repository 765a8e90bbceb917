// Attack: to read AWS keys out of an error. Asked for a request whose signature is wrong, AWS explains what it would have signed,
// with every signed header in it, the session token too; a hostile service in its place can say the same of any request, with
// any status. Held by taking such a 403 as a rejected credential, whose body nobody sees, and by the response guard for the rest.

import { test } from 'tap';
import { model, startBedrockWorld } from '../support/vendors-bedrock.ts';

const kinds: readonly (readonly [status: number, errorType: string, told: number])[] = [
  [403, 'InvalidSignatureException', 502],
  [403, 'SignatureDoesNotMatch:http://internal.amazon.com/', 502],
  [403, 'IncompleteSignatureException', 502],
  [403, 'AccessDeniedException', 403],
  [400, 'ValidationException', 400],
  [500, 'InternalServerException', 500],
];

for (const [status, errorType, told] of kinds) {
  test(`${status} ${errorType} quotes all that it was sent`, async (t) => {
    const world = await startBedrockWorld(t);
    world.bedrock.answerWith((response, { rawHeaders }) => {
      response.writeHead(status, { 'content-type': 'application/json', 'x-amzn-errortype': errorType });
      response.end(JSON.stringify({ message: `The Canonical String should have been '${rawHeaders.join('\n')}'` }));
    });
    const { token, headers } = await world.credentials();
    const answer = await fetch(`${world.gate}/bedrock/model/${model}/converse`, {
      method: 'POST',
      headers: { ...headers, authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: '{"messages":[]}',
    });
    const text = await answer.text();
    t.equal(answer.status, told);
    const { records, spans } = await world.end();
    const everything = [text, JSON.stringify([...answer.headers, records, world.log]), JSON.stringify(spans, plain)];
    for (const { secretAccessKey, sessionToken } of world.sts.account.sessions.values()) {
      t.notOk(everything.some((one) => one.includes(secretAccessKey)));
      t.notOk(everything.some((one) => one.includes(sessionToken.slice(0, 60))));
    }
    t.ok(world.bedrock.calls.length > 0 && world.sts.account.sessions.size > 0);
  });
}

function plain(_name: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
