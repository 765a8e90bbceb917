// A token handed over in the environment, taken when the configuration is loaded: for jobs that end before it does.
// Must never be used beyond its end: what holds it cannot renew it.

import * as z from 'zod';
import { Refusal } from '../../base/errors.ts';
import { secretValue } from '../../base/scalars.ts';
import { isPlaceable } from '../placement.ts';
import { expiryOf } from '../readable.ts';
import type { SourcePorts, SubjectSource } from '../source.ts';

export const source = 'env';

export const schema = z.strictObject({
  source: z.literal(source).describe('A token that stands in the environment when the configuration is loaded.'),
  value: secretValue.describe('The token, as `${env:NAME}`; changes with a reload of the configuration.'),
});

export type Options = z.output<typeof schema>;

export function create(name: string, { value }: Options, { clock, report }: SourcePorts): SubjectSource {
  if (!isPlaceable(value)) {
    report({ path: ['value'], what: 'is no token', mend: 'give it on one line, in visible ASCII' });
  }
  return {
    name,
    async read() {
      const exp = expiryOf(value);
      if (exp === undefined || exp * 1000 > clock.now()) return value;
      throw new Refusal('secret_unavailable', { detail: `subject source ${name}: the token has expired` });
    },
  };
}
