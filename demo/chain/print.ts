// The chain demo's output for people: the hops of the story, the attacks as a table, what verifying the edited log said.

import { basename } from 'node:path';
import { table } from '../../src/commands/table.ts';
import type { Check } from '../checks.ts';
import { heading, indent, printChecks, printTrace } from '../print.ts';
import { type ChainEvidence, type Recorded, recordOf, storyOf } from './checks.ts';
import type { Tampering } from './tamper.ts';

export function printChain(evidence: ChainEvidence, checks: readonly Check[]): string {
  const { story, spans, attempts, tampering, secrets, handles, seenCount } = evidence;
  return [
    heading('Each hop, as the sidecars recorded it'),
    table([['sidecar', 'route', 'caller', 'for', 'chain', 'bound by', 'sent on'], ...storyOf(evidence).map(hopRow)]),
    heading('The trace, as decoded from OTLP'),
    printTrace(spans.filter(({ traceId }) => traceId === story.traceId)),
    heading('What the user got'),
    indent([story.answer]),
    heading('What the agents had in their hands'),
    indent([`${handles.length} handles, ${seenCount} headers and bodies; of ${secrets.length} real credentials none`]),
    heading('Attacks'),
    table([
      ['attack', 'what was tried', 'client got', 'sidecar', 'reason in its audit record'],
      ...attempts.map(({ name, tried, status, code, requestId, at }) => {
        const reason = recordOf(evidence, requestId)?.record.reason;
        return [name, tried, `${status} ${code ?? ''}`, at, reason ?? 'it was let through'];
      }),
      editedRow(tampering),
    ]),
    heading('An edited audit log'),
    indent([`one byte of line ${tampering.line}: ${tampering.change}`, ...tampering.after.said.split('\n')]),
    heading('What holds'),
    printChecks(checks),
  ].join('\n');
}

/** Nobody is refused here: the edit is found out by who checks the log. */
function editedRow({ file, line, after }: Tampering): readonly string[] {
  const found = after.said.split('\n').find((text) => text.startsWith(`${file}:${line}`)) ?? 'not found out';
  const tried = "who can write the log changes one byte of the user's name";
  return ['edited audit line', tried, `exit code ${after.exitCode}`, 'researcher', found.replace(file, basename(file))];
}

function hopRow({ by, record }: Recorded): readonly string[] {
  const { route, operation, tool, caller, subject, actors = [], binding, credential } = record;
  const token = credential?.audience === undefined ? credential?.kind : `token for ${credential.audience}`;
  return [
    by,
    [route, operation, tool].filter(Boolean).join(' '),
    caller?.sub ?? '?',
    subject?.sub ?? '?',
    actors.map(({ sub }) => sub).join(' <- ') || '-',
    binding ?? '?',
    token ?? '-',
  ];
}
