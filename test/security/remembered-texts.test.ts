// Attack: memory of a gate is read (a core dump, a heap snapshot, another fault) long after a call, for the credentials that were in
// it. For V8 a part of a text is a reference to the whole: whoever remembers a name, a path or a value that was cut out of a head keeps
// the tokens of that head, for as long as the process lives. Held by: what is remembered is a text of its own.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { test } from 'tap';
import { byText } from '../../src/base/by-text.ts';
import { createFindPlace } from '../../src/routing/place.ts';
import { rememberingInto } from '../../src/telemetry/otlp-remembered.ts';
import { createWriter } from '../../src/telemetry/otlp-writer.ts';
import { compile } from '../support/routing-world.ts';

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

const heads = 64;
const size = 262_144;

const { catalogue } = compile([{ name: 'api', path: '/api', upstream: 'https://api.example' }]);
const findPlace = createFindPlace(catalogue);
const attributes = rememberingInto(createWriter(), (9 << 3) | 2, 300);
const nameOf = byText((name) => name.length);

const remember: Record<string, (part: string) => void> = {
  'the name of a field': (part) => nameOf(part),
  'a value of spans': (part) => attributes.few('url.path', part),
  'a path': (part) => findPlace({ rawPath: part, method: 'GET', authority: undefined, transport: 'http' }),
};

for (const [what, take] of Object.entries(remember)) {
  test(`${what} is remembered without what it was cut out of`, (t) => {
    collect();
    const before = process.memoryUsage().heapUsed;

    for (let i = 0; i < heads; i += 1) {
      const head = Buffer.from(`/api/a-path-of-its-own-${i}?key=${'s'.repeat(size)}`).toString('latin1');
      take(head.slice(0, head.indexOf('?')));
    }
    collect();

    const kept = process.memoryUsage().heapUsed - before;
    t.ok(kept < (heads * size) / 4, `${kept} bytes of ${heads * size}`);
    t.end();
  });
}
