// docs/reference/audit.md: what the audit log is, its events and fields, and what they are in OCSF, from src/audit.

import { auditEvents } from '../../src/audit/events.ts';
import { auditFields } from '../../src/audit/fields.ts';
import { code, fenced, page, table } from './markdown.ts';

const introduction = `# Audit reference

One JSON document on each line: what was decided and done, for whom, through whom, with which credential. Never sampled, not dependent on
OpenTelemetry, never a token, a query string or a body. \`audit\` in the [configuration](configuration.md#audit) says where it goes;
\`postern audit verify | show | tail\` reads it.`;

const integrity = `## What can be checked

- **Every line has its own digest** (\`hash\`, over the bytes before it) **and that of the line before** (\`prev\`), and a number (\`seq\`). A
  changed byte shows in the line itself; a line that is missing, moved or copied shows between its neighbours.
- **Files are segments of one chain.** The first line of each names the file it follows, and its \`prev\` is the last \`hash\` of that file. A
  file is set aside at \`audit.rotation\` and at each start of the gate, under a name with its time and first number; nothing is ever
  overwritten. After a crash the new file says how many bytes of the old one are no whole record, and their digest.
- **Checkpoints** state how far the log has come, every \`audit.checkpoints\`, at the end of each file and of the gate. With
  \`audit.signing_key\` they are signed (JWS, \`EdDSA\` or \`ES256\`). One signature stands for every line up to it, in all files before.

| Somebody who can write the files ... | without a key | with a key, \`verify --key\` |
|---|---|---|
| changes, removes, moves or copies a line | found, unless all digests after it are made anew | found up to the last checkpoint |
| makes all digests anew, or a whole other log | not found | found: no signature fits |
| cuts off the end of the last file | found with \`--head\` or \`--expect-seq\`; otherwise said: the log does not end with a closing checkpoint | the same |
| cuts off at the end of an earlier file, and removes all later files | only with \`--head\` or \`--expect-seq\` | the same |
| removes the oldest files | said: the log begins with record N | the same |
| has the gate's memory or its private key | nothing here helps | the same |

So keep a head elsewhere: the gate logs \`seq\` and \`hash\` at the end of each file (\`audit: a file is complete\`), \`verify\` prints them, and
the metric \`postern.audit.sequence\` is a witness of the number. Ship the files off the machine; a log that is elsewhere cannot be cut.
Standard output keeps no chain over restarts: each start begins a new log.

A line can be checked with nothing but a shell:

${fenced('sh', `line=$(sed -n 7p audit.jsonl)\nprintf %s "\${line%,\\"hash\\":*}" | openssl dgst -sha256 -binary | basenc --base64url | tr -d =\nprintf '%s\\n' "$line" | jq -r .hash`)}`;

const waiting = `## When a call waits for its record

| \`durability\` | what is on disk (fdatasync, one for all who wait) before |
|---|---|
| \`async\` (default) | nothing is waited for. The record of a call is written when it ends, of an exchange when it ends. A stop without notice loses what was not written yet, and whatever the system had not put on disk |
| \`before_response\` | a credential is asked for, the upstream is called, the first byte is answered: the decision, as \`postern.access.permitted\`. Exchange and end follow as with \`async\` |

A refusal is recorded at once, but its answer does not wait: nothing was done that a record would have to precede.

When records cannot be written (disk full, file system read-only, no answer for 5 s, 16 MiB waiting), \`fail: closed\` refuses every call
that policy allows with \`audit_unavailable\` (503) until they can; \`fail: open\` lets them through, counts them
(\`postern.audit.records{outcome="unsecured"}\`) and logs. Records wait in memory meanwhile; those beyond 16 MiB are lost, and
\`postern.audit.lost\` says how many. With \`async\`, calls go on until the first write has failed. One gate, one file: a second gate on the
same file sets it aside and begins its own; the first goes on in the file that was set aside, and logs an error at its next rotation.`;

const copies = `## Copies at the collector

With \`audit.otlp: true\` every line, those of the log itself too, also goes to the collector of [\`telemetry\`](configuration.md#telemetry), as an
OTLP log record of scope \`postern.audit\` (HTTP/protobuf, \`/v1/logs\`):

| LogRecord | |
|---|---|
| \`body\` | the line, byte for byte: a file made of bodies is a log that \`postern audit verify\` checks |
| \`event_name\` | \`event\` |
| \`time_unix_nano\`, \`observed_time_unix_nano\` | \`time\`; when it was taken for export |
| \`severity_number\` | INFO; WARN where \`decision\` is deny or the issuer said no; ERROR where something failed, and for \`postern.audit.lost\` |
| \`trace_id\`, \`span_id\` | of the record: the span of the call or of the exchange |
| attributes | \`log.record.uid\` (\`event_id\`), \`postern.audit.seq\`, \`postern.audit.hash\`, and named as on spans: \`postern.request.id\`, \`postern.delegation.root_id\`, \`.id\`, \`.parent_id\`, \`.subject\`, \`.actor\`, \`postern.route.id\`, \`postern.decision\`, \`postern.denial.reason\`, \`postern.policy.id\`, \`.version\`, \`postern.exchange.name\`, \`.outcome\`, \`postern.credential.kind\`, \`postern.token.id_hash\`, \`http.request.method\`, \`http.response.status_code\` |

A copy is never the log. No call waits for it or is refused because of it, whatever \`durability\` and \`fail\` say; \`before_response\` needs a
file. Lines are sent in order, in batches, again after 429, 502, 503, 504 (\`Retry-After\` is kept), a lost connection or silence. Lines beyond 8,192 or
16 MiB that wait, and those the collector refuses, are in the log alone: counted
(\`postern.audit.copies{outcome="queue_full" | "refused" | "closed"}\`) and told in the gate's own log once for each spell. A stop sends what waits for at
most 3 s. A line whose answer was lost is sent again: look for doubles by \`postern.audit.hash\`.

\`OTEL_EXPORTER_OTLP_*\` hold as for spans, with \`OTEL_EXPORTER_OTLP_LOGS_ENDPOINT\`, \`_HEADERS\`, \`_TIMEOUT\`, \`_COMPRESSION\`, \`_CERTIFICATE\`;
\`OTEL_BLRP_MAX_QUEUE_SIZE\`, \`_SCHEDULE_DELAY\` and \`_MAX_EXPORT_BATCH_SIZE\` size queue and batches. \`OTEL_LOGS_EXPORTER=none\` and
\`OTEL_SDK_DISABLED=true\` turn copies off.`;

const ocsf = `## In OCSF

With \`audit.ocsf: true\` each record also has \`ocsf\`: class, activity, severity, status and delegation of the
[Open Cybersecurity Schema Framework](https://schema.ocsf.io). They are hints for a pipeline; the fields keep their own names:`;

const ocsfFields: readonly (readonly [string, string])[] = [
  ['event_id', 'metadata.uid'],
  ['seq', 'metadata.sequence'],
  ['time', 'time (milliseconds since the epoch)'],
  ['trace_id, span_id', 'trace.uid, trace.span.uid'],
  ['request_id', 'metadata.correlation_uid'],
  ['subject', 'actor.user (uid: sub or id, issuer: iss)'],
  ['actors', 'ai_operation.ai_agent for the first; the rest unmapped'],
  ['delegation_id, parent_id', 'delegation.uid, delegation.parent_uid'],
  ['root_id', 'unmapped: OCSF has no id of a whole delegation yet'],
  [
    'credential.issuer, .audience, .scopes_granted, .expires_at',
    'delegation.issuer_uid, .audience, .scopes, .expiration_time',
  ],
  ['route, operation', 'api.service.name, api.operation'],
  ['model', 'ai_operation.ai_model.name'],
  ['method, path, status', 'http_request.http_method, http_request.url.path, http_response.code'],
  ['peer, upstream.address', 'src_endpoint.ip, dst_endpoint'],
  ['rule, policy_version', 'policy.uid, policy.version'],
  ['reason, detail', 'status_detail'],
  ['duration_ms', 'duration'],
];

export function auditPage(): string {
  const events = Object.entries(auditEvents);
  return page(
    introduction,
    '## Events',
    table(
      ['Event', 'What it tells'],
      events.map(([name, { meaning }]) => [code(name), meaning]),
    ),
    '## Fields',
    'A field that does not apply is not there. Names below a name are written with a dot.',
    table(
      ['Field', 'Meaning'],
      Object.entries(auditFields).map(([name, meaning]) => [code(name), meaning]),
    ),
    integrity,
    waiting,
    copies,
    ocsf,
    table(
      ['Event', 'Class', 'Activity'],
      events.flatMap(([name, event]) => ('ocsf' in event ? [[code(name), ...ocsfClass(event.ocsf)]] : [])),
    ),
    table(
      ['Field', 'OCSF'],
      ocsfFields.map(([own, theirs]) => [own, theirs]),
    ),
    'Events of the log itself (`postern.audit.*`) have no class.',
  );
}

function ocsfClass({ uid, name, activity }: { uid: number; name: string; activity: number | 'method' }): string[] {
  const told = activity === 'method' ? 'by method: 2 Read, 3 Update, 4 Delete, 99 Other' : String(activity);
  return [`${uid} ${name}`, told];
}
