// What a record is in the Open Cybersecurity Schema Framework (1.x): class, activity, severity, status, delegation. Hints for
// a pipeline that turns records into OCSF events; the record keeps its own fields and is no OCSF event by itself.

import { type AuditEvent, auditEvents } from './events.ts';
import { optional, quoted } from './json-text.ts';

export type Outcome = 'success' | 'denied' | 'error';

export interface OcsfFacts {
  readonly outcome: Outcome;
  readonly method?: string;
  readonly delegationId?: string | undefined;
  readonly parentId?: string | undefined;
  /** Issuer of the credential. */
  readonly issuer?: string | undefined;
}

const classes: ReadonlyMap<string, AuditEvent> = new Map(Object.entries(auditEvents));

/** OCSF API Activity: 2 Read, 3 Update, 4 Delete, 99 Other. A POST says nothing of what it does. */
const activityOfMethod: ReadonlyMap<string, number> = new Map([
  ['GET', 2],
  ['HEAD', 2],
  ['OPTIONS', 2],
  ['PUT', 3],
  ['PATCH', 3],
  ['DELETE', 4],
]);
const other = 99;

/** 1 Informational, 2 Low, 3 Medium. */
const severity = { success: 1, denied: 3, error: 2 } as const;

/** `,"ocsf":{...}`; empty for events that OCSF has no class for. */
export function ocsfHints(event: string, facts: OcsfFacts): string {
  const ocsf = classes.get(event)?.ocsf;
  if (ocsf === undefined) return '';
  const { uid } = ocsf;
  const activity = ocsf.activity === 'method' ? (activityOfMethod.get(facts.method ?? '') ?? other) : ocsf.activity;
  const { outcome, delegationId, parentId, issuer } = facts;
  const delegation =
    delegationId === undefined
      ? ''
      : `,"delegation":{"uid":${quoted(delegationId)}${optional(',"parent_uid":', parentId)}${optional(',"issuer_uid":', issuer)}}`;
  return (
    `,"ocsf":{"category_uid":${Math.trunc(uid / 1_000)},"class_uid":${uid},"activity_id":${activity}` +
    `,"type_uid":${uid * 100 + activity},"severity_id":${severity[outcome]},"status_id":${outcome === 'success' ? 1 : 2}` +
    `${delegation}}`
  );
}
