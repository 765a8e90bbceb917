// A JWT-SVID of the SPIFFE Workload API for one audience: FetchJWTSVID over its unix socket (SPIFFE_Workload_API.md section
// 6.2.1). Kept until half of its life is gone, and never longer than the Workload API lets it.

import * as z from 'zod';
import { workloadShape } from '../../base/spiffe/scalars.ts';
import { requestShape } from '../request-schema.ts';
import type { SourcePorts, SubjectSource } from '../source.ts';
import { refuseWorkload } from '../workload.ts';

export const source = 'spiffe';

export const schema = z.strictObject({
  source: z.literal(source).describe('A JWT-SVID of this workload, from the SPIFFE Workload API.'),
  audience: requestShape.audience.describe('Audience of the token, as the vendor was told to expect it.'),
  ...workloadShape,
});

export type Options = z.output<typeof schema>;

export function create(name: string, options: Options, { workload, report }: SourcePorts): SubjectSource {
  const read = workload(options.socket, report)?.jwtSvid({
    audience: options.audience,
    spiffeId: options.spiffe_id,
  });
  return {
    name,
    async read() {
      if (read === undefined) throw new TypeError(`subject source ${name} has no socket`);
      const { token } = await read().catch((failure: unknown) => refuseWorkload(failure, `subject source ${name}`));
      return token;
    },
  };
}
