// Every event of the audit log: what it tells, and what it is in OCSF, so that the reference page is generated from here.
// Names are a contract with whoever reads the log; new ones may come, none of these changes its meaning.

export interface OcsfClass {
  /** OCSF class, such as 6003 API Activity. */
  readonly uid: number;
  readonly name: string;
  /** `method`: from the HTTP method. */
  readonly activity: number | 'method';
}

export interface AuditEvent {
  readonly meaning: string;
  readonly ocsf?: OcsfClass;
}

const apiActivity = { uid: 6_003, name: 'API Activity', activity: 'method' } as const;
/** Assign Privileges. */
const authorizeSession = { uid: 3_003, name: 'Authorize Session', activity: 1 } as const;
/** Revoke Privileges. */
const userAccess = { uid: 3_005, name: 'User Access Management', activity: 2 } as const;
/** Update. */
const entityManagement = { uid: 3_004, name: 'Entity Management', activity: 3 } as const;

export const auditEvents = {
  'postern.access.permitted': {
    meaning:
      'Policy lets a call through; written with `durability: before_response`, before a credential is asked for. The end of the call follows under the same `request_id`; where it is missing, the gate was stopped in between.',
    ocsf: apiActivity,
  },
  'postern.access.allowed': { meaning: 'A call was made and has ended.', ocsf: apiActivity },
  'postern.access.denied': {
    meaning: 'A call was refused, or failed before the upstream was called: `reason` says which.',
    ocsf: apiActivity,
  },
  'postern.token.issued': { meaning: 'An issuer gave this gate a credential of its own.', ocsf: authorizeSession },
  'postern.token.exchanged': {
    meaning:
      "An issuer exchanged a subject's token for one that is good for this hop. Uses of it from the cache are told by the calls, with the same `delegation_id`.",
    ocsf: authorizeSession,
  },
  'postern.token.exchange_denied': { meaning: 'The issuer said no to this caller or subject.', ocsf: authorizeSession },
  'postern.token.exchange_failed': {
    meaning: 'The issuer could not be reached, or what it returned was not accepted.',
    ocsf: authorizeSession,
  },
  'postern.token.revoked': {
    meaning:
      'An entry of the list of revocations came into force at this gate: whom or what it is about, who made it and why, and what ended because of it (credentials, handles, live calls).',
    ocsf: userAccess,
  },
  'postern.revocation.lifted': {
    meaning: 'A line of the list lifted an entry. One that has an end of its own (`until`) ends without a record.',
    ocsf: entityManagement,
  },
  'postern.revocation.list': {
    meaning:
      'The list of revocations was read at the start of the gate, or has other problems than before: entries in force, problems.',
    ocsf: entityManagement,
  },
  'postern.config.changed': { meaning: 'Another configuration is in force.', ocsf: entityManagement },
  'postern.audit.segment': { meaning: 'The first line of a file: what it follows, and who writes it.' },
  'postern.audit.checkpoint': { meaning: 'How far the log has come, signed where the gate has a key.' },
  'postern.audit.lost': {
    meaning: 'Records that could not be taken were lost before this line: how many, and since when.',
  },
} as const satisfies Record<string, AuditEvent>;

export type AuditEventName = keyof typeof auditEvents;
