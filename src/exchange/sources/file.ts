// A token in a file that the platform renews: a Kubernetes projected service account token, a SPIFFE helper's JWT-SVID.
// Read anew for every exchange (projected tokens rotate at 80 % of their life), bounded, and never kept.

import * as z from 'zod';
import { configPath } from '../../base/config-path.ts';
import { readSecretFile } from '../secret-file.ts';
import type { SubjectSource } from '../source.ts';

export const source = 'file';

export const schema = z.strictObject({
  source: z.literal(source).describe('A file that the platform renews, such as a projected service account token.'),
  file: configPath.describe('Path of the file; read for every exchange.'),
});

export type Options = z.output<typeof schema>;

export function create(name: string, { file }: Options): SubjectSource {
  return { name, read: () => readSecretFile(file) };
}
