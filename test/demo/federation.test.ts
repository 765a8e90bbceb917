// Federation told with the vendors' own SDKs: every fact of it holds, only what is marked lives long, and what is printed for
// machines opens nothing.

import { test } from 'tap';
import { run } from '../support/e2e-command.ts';

interface Printed {
  readonly checks: readonly { readonly fact: string; readonly holds: boolean }[];
  readonly rows: readonly {
    readonly route: string;
    readonly sdk: string;
    readonly long_lived: boolean;
    readonly credential: string;
    readonly lifetime_s?: number;
    readonly chain_in_trace?: string;
    readonly chain_in_audit: string;
    readonly cache: readonly string[];
  }[];
}

test('one call to every vendor through its own SDK, and no key but those that are marked', async (t) => {
  const { code, stdout } = await run(t, ['demo', '--scenario', 'federation', '--json']);
  const { checks, rows }: Printed = JSON.parse(stdout);
  t.strictSame(
    checks.filter(({ holds }) => !holds),
    [],
  );
  t.equal(code, 0);
  t.ok(checks.length >= 33);
  t.ok(rows.length >= 19);
  t.ok(new Set(rows.map(({ sdk }) => sdk)).size >= 11);
  for (const row of rows) {
    const { route, long_lived, credential, lifetime_s, cache } = row;
    t.match(row, { chain_in_trace: '>user:alice>agent:assistant>', chain_in_audit: 'alice -> agent:assistant' }, route);
    t.equal(credential, long_lived ? 'static' : 'exchanged');
    t.equal(lifetime_s === undefined, long_lived, 'what ends says when');
    if (!long_lived)
      t.strictSame([cache[0], cache.at(-1)], ['miss', 'hit'], `${route}: the second call is from the cache`);
  }
  t.strictSame(
    rows.filter(({ long_lived }) => long_lived).map(({ route }) => route),
    ['gemini', 'qdrant', 'pinecone'],
  );
  t.notMatch(
    stdout,
    /eyJ[\w-]{20,}|psh_[\w-]{20,}|sk-ant-oat01-|ya29\.|ASIA|bedrock-api-key-|standing-key/,
    'no token, handle or key is printed',
  );
});
