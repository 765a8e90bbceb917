// Attack: to make the exchange fail in order to travel under a mightier identity. Gates that fall back to passthrough or
// to their own client credentials when an exchange fails (agentgateway#2260, mcp-gateway-registry#1269) turn every outage
// into an escalation. Held by one exchange per route, and a refusal when it fails, in whatever way.

import { test } from 'tap';
import { exchangeGrant, type Misbehaviour, oauthError } from '../support/exchange-issuer.ts';
import { corp, refusal, startWorld } from '../support/exchange-world.ts';

const failures: Record<string, Misbehaviour> = {
  'the exchange is denied': oauthError(400, 'access_denied'),
  'the subject is refused': oauthError(400, 'invalid_grant'),
  'the grant is unknown': oauthError(400, 'unsupported_grant_type'),
  'the issuer is broken': { raw: (response) => response.writeHead(500).end() },
  'the issuer hangs up': { raw: (response) => response.socket?.destroy() },
  'the answer is empty': { raw: (response) => response.writeHead(200).end() },
  'the token is not what was asked for': { claims: (claims) => ({ ...claims, sub: 'root' }) },
};

for (const [what, misbehaviour] of Object.entries(failures)) {
  test(`${what}: the call is refused, and nobody else's identity is asked for`, async (t) => {
    const { gate, call, issuer } = await startWorld(t);
    // Everything a fallback would need is configured and used by other routes.
    const { broker } = gate({
      exchanges: {
        corp: corp(issuer),
        machine: corp(issuer, { grant: 'client_credentials' }),
        key: { grant: 'static_secret', value: 'sk-standing' },
      },
      routes: [{}, { id: 'm', exchange: 'machine' }, { id: 's', exchange: 'key' }, { id: 'n', exchange: 'none' }],
    });
    issuer.misbehave(misbehaviour);

    await refusal(broker.arm(call()));

    t.ok(issuer.received.length > 0);
    t.ok(issuer.received.every(({ form }) => form.get('grant_type') === exchangeGrant));
  });
}
