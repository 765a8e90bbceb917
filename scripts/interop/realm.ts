// The realm of the suite, as Keycloak imports it: two users, two agents, two APIs, the gate as client in several ways, and
// sign-in apps that put different audiences into users' tokens. docs/concepts/issuers.md tells what each part is for.
// Its secrets protect nothing: the server is on loopback and ends with the run.

import type { JWK } from 'jose';

export const openai = 'https://api.openai.com';
export const qdrant = 'qdrant';

/** Users of the service accounts; a realm of one's own has random ones. */
export const serviceAccounts = {
  planner: '11111111-1111-4111-8111-111111111111',
  researcher: '22222222-2222-4222-8222-222222222222',
};

export type AgentName = keyof typeof serviceAccounts;

/** The gate's clients: as it should be, with a key instead of a secret, and with the scopes a new client gets by default. */
export const gates = ['postern', 'postern-with-key', 'postern-as-created', 'postern-at-jwt'] as const;

export const gateSecret = 'interop-gate';
export const agentSecret = 'interop-agent';
export const appSecret = 'interop-app';
export const userPassword = 'interop-user';

/** Where users sign in: which client's tokens say that planner may act, and that the gate may exchange them. */
export const apps = {
  app: ['for-gate', 'for-planner'],
  'app-for-nobody': ['for-gate'],
  'app-without-gate': ['for-planner'],
  'app-short-lived': ['for-gate', 'for-planner'],
  'app-may-act': ['for-gate', 'may-act-planner'],
};

export type AppName = keyof typeof apps;

/** Lifetime of tokens of `app-short-lived`, in seconds. */
export const shortLife = 60;

export const redirectUri = 'http://127.0.0.1/signed-in';

type Document = { readonly [name: string]: unknown };

/** @param gateKey public key of `postern-with-key` */
export function keycloakRealm(realm: string, gateKey: JWK): Document {
  return {
    realm,
    enabled: true,
    accessTokenLifespan: 300,
    clientScopes: [
      ...builtIn,
      scope('model.invoke', { shown: true, mappers: [audience(openai)] }),
      scope('vectors.read', { shown: true, mappers: [audience(qdrant)] }),
      scope('research', { shown: true, mappers: [audience('researcher')] }),
      scope('for-gate', { mappers: gates.map(audience) }),
      scope('for-planner', { mappers: [audience('planner')] }),
      scope('may-act-planner', { mappers: [hardcoded('may_act', { sub: serviceAccounts.planner })] }),
      delegationScope,
    ],
    clients: [
      gate('postern'),
      gate('postern-with-key', keyOf(gateKey)),
      gate('postern-as-created', { defaultClientScopes: ['basic', 'profile', 'email'] }),
      gate('postern-at-jwt', { attributes: { ...exchanges, 'access.token.header.type.rfc9068': 'true' } }),
      ...Object.keys(serviceAccounts).map(agent),
      client(openai, {}),
      client(qdrant, {}),
      ...Object.entries(apps).map(([name, scopes]) => app(name, scopes)),
      consentingApp,
    ],
    users: [
      ...['alice', 'bob'].map(user),
      ...Object.entries(serviceAccounts).map(([name, id]) => serviceAccount(name, id)),
    ],
  };
}

/** The switch "Standard token exchange". */
const exchanges = { 'standard.token.exchange.enabled': 'true' };

/** Of the scopes that every realm has, those that matter here. */
const builtIn = [
  scope('basic', { mappers: [mapper('sub', 'oidc-sub-mapper', {})] }),
  scope('service_account', {
    mappers: [
      mapper('client_id', 'oidc-usersessionmodel-note-mapper', {
        'user.session.note': 'client_id',
        'claim.name': 'client_id',
        'jsonType.label': 'String',
      }),
    ],
  }),
  scope('profile', { shown: true, mappers: [] }),
  scope('email', { shown: true, mappers: [] }),
];

/** What the feature `token-exchange-delegation` adds to a new realm; without the feature, a scope without meaning. */
const delegationScope = {
  name: 'delegation',
  protocol: 'openid-connect',
  attributes: {
    'is.parameterized.scope': 'true',
    'parameterized.scope.type': 'delegation',
    'always.display.consent': 'true',
    'display.on.consent.screen': 'true',
    'include.in.token.scope': 'true',
  },
  protocolMappers: [
    mapper('may_act sub', 'oidc-parameterized-scope-user-property-mapper', {
      'user.attribute': 'id',
      'claim.name': 'may_act.sub',
      'jsonType.label': 'String',
    }),
  ],
};

const consentingApp = client('app-with-consent', {
  secret: appSecret,
  consentRequired: true,
  standardFlowEnabled: true,
  redirectUris: [redirectUri],
  defaultClientScopes: ['basic', 'for-gate'],
  optionalClientScopes: ['delegation'],
});

/** A confidential client that can do nothing yet. */
function client(clientId: string, more: Document): Document {
  return {
    clientId,
    publicClient: false,
    standardFlowEnabled: false,
    directAccessGrantsEnabled: false,
    serviceAccountsEnabled: false,
    defaultClientScopes: [],
    optionalClientScopes: [],
    ...more,
  };
}

function gate(clientId: (typeof gates)[number], more: Document = {}): Document {
  return client(clientId, {
    secret: gateSecret,
    attributes: exchanges,
    defaultClientScopes: ['basic'],
    optionalClientScopes: ['model.invoke', 'vectors.read', 'research'],
    ...more,
  });
}

function keyOf(jwk: JWK): Document {
  const attributes = { ...exchanges, 'use.jwks.string': 'true', 'jwks.string': JSON.stringify({ keys: [jwk] }) };
  return { clientAuthenticatorType: 'client-jwt', attributes };
}

function agent(name: string): Document {
  return client(name, {
    secret: agentSecret,
    serviceAccountsEnabled: true,
    defaultClientScopes: ['basic', 'service_account', 'for-gate'],
  });
}

/** The password grant stands in for a browser. */
function app(clientId: string, scopes: readonly string[]): Document {
  return client(clientId, {
    secret: appSecret,
    directAccessGrantsEnabled: true,
    defaultClientScopes: ['basic', ...scopes],
    ...(clientId === 'app-short-lived' ? { attributes: { 'access.token.lifespan': String(shortLife) } } : {}),
  });
}

function user(username: string): Document {
  return {
    username,
    enabled: true,
    email: `${username}@example.com`,
    emailVerified: true,
    firstName: username,
    lastName: 'Example',
    credentials: [{ type: 'password', value: userPassword, temporary: false }],
  };
}

/** For the delegation feature an actor must be allowed to impersonate: an administrator's role, needed for nothing else here. */
function serviceAccount(name: string, id: string): Document {
  const clientRoles = name === 'planner' ? { 'realm-management': ['impersonation'] } : {};
  return { id, username: `service-account-${name}`, enabled: true, serviceAccountClientId: name, clientRoles };
}

/** @param shown whether it stands in the `scope` claim */
function scope(name: string, { shown = false, mappers }: { shown?: boolean; mappers: readonly Document[] }): Document {
  const attributes = { 'include.in.token.scope': String(shown), 'display.on.consent.screen': 'false' };
  return { name, protocol: 'openid-connect', attributes, protocolMappers: mappers };
}

/** The mapper "Audience": this client into `aud`. */
function audience(clientId: string): Document {
  return mapper(`audience ${clientId}`, 'oidc-audience-mapper', { 'included.client.audience': clientId });
}

function hardcoded(claim: string, value: object): Document {
  const said = { 'claim.name': claim, 'claim.value': JSON.stringify(value), 'jsonType.label': 'JSON' };
  return mapper(claim, 'oidc-hardcoded-claim-mapper', said);
}

function mapper(name: string, protocolMapper: string, config: Document): Document {
  return { name, protocol: 'openid-connect', protocolMapper, config: { 'access.token.claim': 'true', ...config } };
}
