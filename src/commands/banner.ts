// What `serve` prints when it is ready: what listens where, which routes there are, and a next step to copy.
// The next step is only printed where it works: with an embedded issuer that mints, and a route to its /whoami.

import type { App } from '../app.ts';
import { gateUrlOf } from '../listeners/schema.ts';
import { version } from '../version.ts';
import { describeRoutes } from '../wiring/pages.ts';
import { table } from './table.ts';

export function banner(app: App): string {
  const { outboundUrl, inboundUrl, adminUrl, issuer } = app;
  const gateUrl = gateUrlOf(app.gate().config.listen, outboundUrl);
  const listed = app.revocations.status() !== undefined;
  const listeners = [
    ['agents', outboundUrl, publicly(outboundUrl, gateUrl)],
    ...(app.workers === 1 ? [] : [['workers', String(app.workers), 'threads, at that address']]),
    ...(inboundUrl === undefined ? [] : [['callers', inboundUrl, 'in front of the agent']]),
    ['operators', adminUrl, `/livez /readyz /metrics /routes${listed ? ' /revocations' : ''}`],
    ...(issuer === undefined ? [] : [['issuer', issuer.issuer, 'embedded']]),
  ];
  const routes = describeRoutes(app.gate(), gateUrl).map((route) => [
    route.id,
    route.client.baseUrl,
    route.upstream,
    route.credential === 'static' ? 'static (standing key)' : route.exchange,
  ]);
  return [
    `Postern ${version} is ready.`,
    '',
    table(listeners),
    '',
    table([['route', 'agents call', 'upstream', 'credential'], ...routes]),
    '',
    ...nextStep(app),
    '',
  ].join('\n');
}

/** Every address of a machine is none that an agent can call. */
function publicly(bound: string, gateUrl: string): string {
  if (gateUrl !== bound) return `called as ${gateUrl}`;
  const { hostname } = URL.canParse(bound) ? new URL(bound) : { hostname: '' };
  return hostname === '0.0.0.0' || hostname === '[::]' ? 'say what agents call in listen.public_url' : '';
}

function nextStep(app: App): string[] {
  const embedded = app.gate().config.sts.embedded;
  const whoami = app.gate().routes.find(({ spec }) => spec.upstream.ownPath === '/whoami');
  if (whoami === undefined || !embedded?.insecure_mint || !embedded.whoami) {
    return ['Next: `postern explain --help` says what would happen to a call, and why.'];
  }
  const token = 'npm run -s postern -- token';
  return [
    'Try it, in a second terminal: agent:planner calls on behalf of user:alice, and sees what the upstream received.',
    '',
    `  curl -s ${app.outboundUrl}${whoami.spec.path} \\`,
    `    -H "Authorization: Bearer $(${token} --sub agent:planner --workload)" \\`,
    `    -H "Postern-Subject-Token: $(${token} --sub user:alice --for agent:planner)"`,
  ];
}
