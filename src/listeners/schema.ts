// Configuration of the listeners: where agents call, where operators look, where the callers of an agent call, and the bounds on
// a connection. No listener speaks TLS, so leaving this machine takes an option that says so.

import { isIP } from 'node:net';
import * as z from 'zod';
import { byteSize, duration, httpUrl, isLoopback, maxSocketPath, wait } from '../base/scalars.ts';
import { type ListenAddress, parseListenAddress } from './address.ts';

/** Bounds on the request line and headers, in bytes: two tokens must fit; more only feeds memory exhaustion. */
const headerSize = { least: 4_096, most: 262_144 };

/** Longest time a gate that was told to stop goes on as before, in milliseconds: orchestrators kill what takes longer. */
const longestDelay = 600_000;

function addressProblem(address: ListenAddress | undefined): string | undefined {
  if (address === undefined)
    return 'is not an address; write host:port, such as 127.0.0.1:8080, or unix:/run/postern.sock';
  if (address.kind === 'tcp' || Buffer.byteLength(address.path) <= maxSocketPath) return undefined;
  return `is a longer path than a socket may have, ${maxSocketPath} bytes; write a shorter one, such as unix:/run/postern.sock`;
}

const listenAddress = z
  .string()
  .transform((text, context): ListenAddress => {
    const address = parseListenAddress(text);
    const message = addressProblem(address);
    if (address !== undefined && message === undefined) return address;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  })
  .meta({ type: 'string', title: 'address', examples: ['127.0.0.1:8080', '[::1]:8080', 'unix:/run/postern.sock'] });

export const listenSchema = z
  .strictObject({
    outbound: listenAddress
      .prefault('127.0.0.1:8080')
      .describe('Where agents call: the address their SDK is pointed at.'),
    admin: listenAddress
      .prefault('127.0.0.1:9090')
      .describe('Where operators look: health, readiness, metrics, routes. Answers without authentication.'),
    public_url: httpUrl
      .optional()
      .describe(
        'What agents call this gate by, where that is not the address it listens on: a Service, an ingress, a host name. Only shown, in the banner, in `/routes` and by `postern routes`.',
      ),
    max_header_size: byteSize
      .refine((bytes) => bytes >= headerSize.least && bytes <= headerSize.most, 'must be between 4KiB and 256KiB')
      .prefault('32KiB')
      .describe('Largest request line plus headers accepted from an agent; its tokens must fit.'),
    keep_alive: wait
      .prefault('65s')
      .describe('How long an idle connection stays open; longer than the idle time of any load balancer in front.'),
    drain_delay: duration
      .refine((milliseconds) => milliseconds <= longestDelay, 'is more than 10m')
      .prefault('0s')
      .describe(
        'How long new calls are still taken after a stop is asked for, while `/readyz` says that the gate is going: time for load balancers to look elsewhere.',
      ),
    drain_timeout: wait
      .prefault('30s')
      .describe('How long live calls may take to end after a stop is asked for; what is left is then cut.'),
    insecure_plain_http: z
      .boolean()
      .default(false)
      .describe('Lets `outbound` listen off this machine: identity tokens then cross the network in clear text.'),
    insecure_admin_anywhere: z
      .boolean()
      .default(false)
      .describe('Lets `admin` listen off this machine, for probes and scrapers: anyone who reaches it can read it.'),
  })
  .superRefine((listen, context) => {
    const flags = { outbound: 'insecure_plain_http', admin: 'insecure_admin_anywhere' } as const;
    for (const name of ['outbound', 'admin'] as const) {
      if (staysOnMachine(listen[name]) || listen[flags[name]]) continue;
      const message = `is not loopback; use 127.0.0.1 or a unix socket, or say ${flags[name]}: true`;
      context.addIssue({ code: 'custom', path: [name], message });
    }
    if (sameAddress(listen.outbound, listen.admin)) {
      context.addIssue({
        code: 'custom',
        path: ['admin'],
        message: 'is the address of outbound too; choose another port',
      });
    }
  })
  .prefault({});

export type ListenConfig = z.output<typeof listenSchema>;

/** What agents are told to call. @param bound where the gate listens, as a URL or `unix:` path */
export function gateUrlOf({ public_url: url }: Pick<ListenConfig, 'public_url'>, bound: string): string {
  return url === undefined ? bound : url.replace(/\/+$/, '');
}

/** Both ends of the inbound listener. */
export const inboundListenShape = {
  listen: listenAddress.describe(
    'Where callers of the agent call, in place of the agent itself. Read at start only; bounds on connections are those of `listen`.',
  ),
  insecure_plain_http: z
    .boolean()
    .default(false)
    .describe('Lets `listen` be off this machine: tokens of callers then cross the network in clear text.'),
  agent: httpUrl
    .refine(
      // Asked of what is no URL, too: that is told by itself.
      (url) => !URL.canParse(url) || isLoopback(new URL(url)),
      'is not on this machine; write a literal address such as http://127.0.0.1:3000',
    )
    .describe(
      "The agent's own listener, on this machine. Nobody else should reach it: it is called with handles only.",
    ),
};

/** Checks what no single option can say. */
export function checkInboundListen(
  { listen, insecure_plain_http: plainHttp }: { readonly listen: ListenAddress; readonly insecure_plain_http: boolean },
  context: z.RefinementCtx,
): void {
  if (staysOnMachine(listen) || plainHttp) return;
  const message = 'is not loopback; use 127.0.0.1 or a unix socket, or say insecure_plain_http: true';
  context.addIssue({ code: 'custom', path: ['listen'], message });
}

/** Loopback addresses and unix sockets; of names only `localhost`, since others can be made to resolve elsewhere. */
export function staysOnMachine(address: ListenAddress): boolean {
  if (address.kind === 'unix') return true;
  return (
    address.host === 'localhost' ||
    address.host === '::1' ||
    (isIP(address.host) === 4 && address.host.startsWith('127.'))
  );
}

function sameAddress(a: ListenAddress, b: ListenAddress): boolean {
  if (a.kind === 'unix' || b.kind === 'unix') return a.kind === 'unix' && b.kind === 'unix' && a.path === b.path;
  return a.host === b.host && a.port === b.port && a.port !== 0;
}
