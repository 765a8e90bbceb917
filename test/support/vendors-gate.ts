// A gate with one preset in front of a stand-in of that vendor's API, which answers only a request that carries exactly the
// credential it should, in exactly one slot, and nothing of the agent's. What else arrives is kept as a fault.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JWTPayload } from 'jose';
import type { Test } from 'tap';
import { gateClient } from './e2e-issuer.ts';
import type { Answer, Received } from './e2e-upstream.ts';
import { traceId, traceparent } from './e2e-vendor.ts';
import { apiRoute, calls, type Document, type Places, startE2e, type World } from './e2e-world.ts';
import { clockAt, start } from './sts-issuer.ts';
import type { Arm, Arming } from './vendors-arms.ts';

export interface VendorOptions {
  readonly preset: string;
  readonly arm: Arming;
  /** Changes to the route. */
  readonly route?: Document;
  /** Path of the API at the upstream, where the preset's upstream has one. */
  readonly base?: string;
  /** A sidecar, which knows its agent by itself: the SDK's key is a placeholder. */
  readonly sidecar?: boolean;
  /** What the vendor answers to a request it takes. */
  readonly answer: Answer;
  /** Header of the vendor's own request id, where it has one. */
  readonly requestId?: string;
}

export interface Credentials {
  readonly apiKey: string;
  readonly headers: Record<string, string>;
}

export interface VendorGate extends World {
  readonly arm: Arm;
  readonly requestId: string | undefined;
  /** What an SDK needs: the agent's own token where it wants a key, and the user's in the header that carries it. */
  credentials(user?: string, agent?: string): Promise<Credentials>;
  /** From now on the vendor refuses whatever it would have answered. */
  refuseWith(status: number, body: unknown, headers?: Record<string, string>): void;
  /** What reached the vendor and should not have; empty when all is well. */
  readonly faults: readonly string[];
}

const slots = [
  ...['authorization', 'proxy-authorization', 'x-api-key', 'api-key', 'x-goog-api-key', 'x-chroma-token', 'cookie'],
  ...['postern-subject-token', 'txn-token', 'dpop', 'x-amz-security-token', 'x-auth-token', 'x-amz-date'],
];

export async function startVendorGate(t: Test, options: VendorOptions): Promise<VendorGate> {
  const clock = clockAt(start);
  const faults: string[] = [];
  const presented: string[] = [];
  const callers = new Set<string>();
  let arm: Arm | undefined;
  const world = await startE2e(t, {
    clock,
    config: async (places) => {
      arm = await options.arm(t, places, clock);
      const { corp } = corpOf(places);
      const { path: _preset, name: _none, audience: _own, scopes: _of, ...route } = apiRoute(places);
      const upstream = `${places.upstream.url}${options.base ?? ''}`;
      const own = { ...route, preset: options.preset, upstream, exchange: arm.exchange, on_behalf_of: 'required' };
      const identity = options.sidecar === true ? { identity: await sidecarOf(places) } : {};
      return {
        ...identity,
        exchanges: { corp, ...arm.exchanges },
        routes: [{ ...own, ...arm.route, ...options.route }],
      };
    },
  });
  if (arm === undefined) throw new TypeError('nothing gives the route its credential');
  const armed = arm;
  let refusal: Answer | undefined;

  world.upstream.answerWith((response, received) => {
    check(received).then(
      (fault) => {
        if (fault !== undefined) faults.push(fault);
        const { requestId } = options;
        const number = world.upstream.received.indexOf(received) + 1;
        if (requestId !== undefined) response.setHeader(requestId, `vendor-${number}`);
        if (fault === undefined) return (refusal ?? options.answer)(response, received);
        response
          .writeHead(401, { 'content-type': 'application/json' })
          .end('{"error":{"message":"no such credential"}}');
      },
      () => response.destroy(),
    );
  });

  async function check({ headers, rawHeaders, url, body }: Received): Promise<string | undefined> {
    const used = slots.filter((name) => headers[name] !== undefined);
    const own = armed.slot ?? '';
    if (used.join() !== own) return `credentials in ${used.join()}, not in ${own}`;
    if (/[?&](?:key|api[-_]?key|access_token|authorization)=/i.test(url)) return 'a credential in the query';
    const whole = `${url}\n${rawHeaders.join('\n')}\n${body.toString('latin1')}`;
    if (presented.some((token) => whole.includes(token))) return "a token of the agent's";
    if (headers['traceparent']?.includes(traceId) !== true) return 'another trace';
    const genuine = await armed.genuine(headers);
    if (genuine === undefined) return 'a credential that was never issued';
    const behind = namesOf(genuine.claims);
    return armed.names === 'nobody' || callers.has(behind) ? undefined : `a credential given for ${behind}`;
  }

  return {
    ...world,
    arm: armed,
    requestId: options.requestId,
    faults,
    async credentials(user = 'alice', agent = 'planner') {
      const apiKey = options.sidecar === true ? 'placeholder' : await world.agent(agent);
      const subject = await world.user(user, `agent:${agent}`, armed.user);
      presented.push(apiKey, subject);
      callers.add(armed.names === 'chain' ? `user:${user} by agent:${agent}` : `user:${user}`);
      return { apiKey, headers: { 'Postern-Subject-Token': subject, traceparent } };
    },
    refuseWith(status, body, headers = {}) {
      refusal = (response) => {
        response.writeHead(status, { 'content-type': 'application/json', ...headers });
        response.end(JSON.stringify(body));
      };
    },
  };
}

/** `user:alice by agent:planner`, as far as these claims tell. */
export function namesOf({ sub = 'nobody', act }: JWTPayload = {}): string {
  const actor = typeof act === 'object' && act !== null && 'sub' in act ? ` by ${String(act.sub)}` : '';
  return `${sub}${actor}`;
}

async function sidecarOf({ issuer, folder }: Places): Promise<Document> {
  const file = join(folder, 'sidecar.jwt');
  writeFileSync(file, await issuer.mint({ sub: 'agent:planner', kind: 'workload' }));
  return { mode: 'sidecar', token_file: file };
}

function corpOf({ issuer }: Places): { readonly corp: Document } {
  const client = { ...gateClient, auth: 'client_secret_basic' };
  const corp = { grant: 'token_exchange', issuer: issuer.issuer, token_endpoint: issuer.tokenEndpoint, client };
  return { corp };
}

/**
 * Ends the gate and holds that each call can be put down to its user and its agent, whatever the vendor's token says: one
 * record with both, with the vendor's own request id, in the caller's trace; and that nothing reached the vendor but what should.
 * @param expected of each call that the vendor answered well, in their order
 */
export async function expectAttributed(t: Test, gate: VendorGate, expected: readonly Document[]): Promise<void> {
  t.strictSame(gate.faults, []);
  const { records, spans } = await gate.end();
  const made = calls(records).filter(({ event, status }) => event === 'postern.access.allowed' && status === 200);
  const { kind, grant } = gate.arm;
  t.match(
    made,
    expected.map((fields, index) => ({
      trace_id: traceId,
      subject: { sub: 'user:alice' },
      actors: [{ sub: 'agent:planner' }],
      credential: kind === 'none' ? { kind } : { kind, grant },
      upstream: { request_id: gate.requestId === undefined ? undefined : `vendor-${index + 1}` },
      ...fields,
    })),
  );
  t.equal(made.length, expected.length);
  t.ok(spans.length > 0 && spans.every((span) => span.traceId === traceId), 'one trace');
}
