// Attack: keys that sign requests are made to leave the gate as a token. A chain that goes on after AWS would send the secret key
// and the session token to the next step's issuer as a subject token, and a Bedrock API key, which is the session itself in
// other letters, as well. No configuration loads in which anything but the last step gives them.

import { test } from 'tap';
import { aws, startFederation } from '../support/exchange-federation.ts';
import { corp } from '../support/exchange-world.ts';

for (const credential of ['aws_keys', 'bedrock_api_key']) {
  test(`${credential} are no token to trade on`, async (t) => {
    const { world, call, entry } = await startFederation(t, aws);
    const steps = [{ exchange: 'aws' }, { exchange: 'corp' }];
    const { broker, problems, sent } = world.gate({
      exchanges: { aws: { ...entry(), credential }, corp: corp(world.issuer), both: { grant: 'chain', steps } },
      routes: [{ exchange: 'both' }],
    });
    t.match(problems, [{ path: ['exchanges', 'both', 'steps', 0, 'exchange'] }]);
    await t.rejects(broker.arm(call()));
    t.strictSame(sent, [], 'nobody was asked for anything');
  });
}

test('as the last step they are what a chain is for', async (t) => {
  const { world, call, entry } = await startFederation(t, aws);
  const steps = [{ exchange: 'corp', audience: aws.audience }, { exchange: 'aws' }];
  const { broker, problems } = world.gate({
    exchanges: { aws: entry(), corp: corp(world.issuer), both: { grant: 'chain', steps } },
    routes: [
      {
        exchange: 'both',
        audience: undefined,
        placement: { kind: 'sigv4', service: 'bedrock', region: 'eu-central-1' },
      },
    ],
  });
  t.strictSame(problems, []);
  t.equal((await broker.arm(call({ scopes: [] }))).credential.placement.kind, 'sigv4');
});
