// Configuration of revocation: where the list of what is revoked stands.
// What one line of that list may say is in entry.ts: the list is data that comes while the gate runs, not configuration.

import * as z from 'zod';
import { configPath } from '../base/config-path.ts';

export const revocationSchema = z
  .strictObject({
    file: configPath.describe(
      'The list of what is revoked, one JSON object a line. It is followed while the gate runs and has to be there when it starts, empty or not. `postern revoke` appends to it.',
    ),
  })
  .optional()
  .describe(
    'Access that is taken away at once: calls are refused, live streams cut, credentials and handles forgotten.',
  );
