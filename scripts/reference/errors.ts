// docs/reference/errors.md: what a client is told, and what the operator is told, from base/errors.ts.

import { type Code, publicCodes, reasons } from '../../src/base/errors.ts';
import { code, page, table } from './markdown.ts';

const introduction = `# Errors reference

A refused call is told twice. The **client** gets one of a few stable codes, in the shape of error its SDK expects, and
nothing about what exactly was found. The **operator** finds the specific reason in the audit record, the span and the log.
Each reason belongs to one code. The request id in the answer (\`x-request-id\`) joins the two.`;

export function errorsPage(): string {
  const byCode = Map.groupBy(Object.entries(reasons), ([, publicCode]) => publicCode);
  const codes = Object.keys(publicCodes).filter((name): name is Code => Object.hasOwn(publicCodes, name));
  return page(
    introduction,
    '## What the client is told',
    table(
      ['Code', 'Status', 'Retry', 'Message'],
      codes.map((name) => {
        const { status, retryable, message } = publicCodes[name];
        return [code(name), String(status), retryable ? 'yes' : 'no', message];
      }),
    ),
    'Where "Retry" is no, the answer carries `x-should-retry: false`, which SDKs heed.',
    '## What the operator is told',
    table(
      ['Reason', 'Code', 'Status'],
      codes.flatMap((name) =>
        (byCode.get(name) ?? []).map(([reason]) => [code(reason), code(name), String(publicCodes[name].status)]),
      ),
    ),
  );
}
