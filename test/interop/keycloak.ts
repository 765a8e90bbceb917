// A realm of a running Keycloak, as the suite sees an issuer; and the realm's own ends, for looking at what it really does.
// scripts/interop/run.ts starts the server and says where it is.

import { exportJWK, exportPKCS8, generateKeyPair } from 'jose';
import { type Admin, createAdmin } from '../../scripts/interop/admin.ts';
import {
  type AppName,
  agentSecret,
  appSecret,
  gateSecret,
  gates,
  keycloakRealm,
  serviceAccounts,
  userPassword,
} from '../../scripts/interop/realm.ts';
import { accessTokenUrn, post, type TokenAnswer } from '../support/sts-issuer.ts';
import type { Document, InteropIssuer, SignIn, UserToken } from './issuer.ts';

const appOf: Record<SignIn, AppName> = {
  'for-planner': 'app',
  'for-nobody': 'app-for-nobody',
  'short-lived': 'app-short-lived',
};

type Form = Record<string, string>;

export interface KeycloakRealm extends InteropIssuer {
  /** Calls below `/realms/<realm>` of the admin API. */
  readonly admin: Admin;
  /** Alice signs in through this app. */
  signIn(app: AppName): Promise<UserToken>;
  /** A token exchange as the gate would ask, without the gate. @param more adds or replaces parameters */
  exchange(subject: string, more: Form, gate?: (typeof gates)[number]): Promise<TokenAnswer>;
}

/** @param realm name; one for each server, since the identities of its service accounts are fixed */
export async function importRealm(realm: string): Promise<KeycloakRealm> {
  const url = process.env['INTEROP_KEYCLOAK'] ?? '';
  const admin = createAdmin({ url, password: process.env['INTEROP_KEYCLOAK_ADMIN'] ?? '' });
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  const key = await exportPKCS8(privateKey);
  const jwk = { ...(await exportJWK(publicKey)), kid: 'interop', use: 'sig', alg: 'ES256' };
  await admin('POST', '/realms', keycloakRealm(realm, jwk));

  const issuer = `${url}/realms/${realm}`;
  const endpoint = (name: string) => `${issuer}/protocol/openid-connect/${name}`;
  const secret = gateSecret;

  async function signIn(id: AppName): Promise<UserToken> {
    const app = { id, secret: appSecret };
    const form = { grant_type: 'password', username: 'alice', password: userPassword };
    const { body, claims } = granted(await post(endpoint('token'), form, app));
    subjects.alice = String(claims['sub']);
    const refresh_token = String(body['refresh_token']);
    return {
      token: String(body['access_token']),
      revoke: async () => void (await post(endpoint('logout'), { refresh_token }, app)),
    };
  }
  const subjects = { alice: '' };
  await signIn('app');

  return {
    issuer,
    jwksUri: endpoint('certs'),
    audiences: [...gates, 'planner', 'researcher'],
    workloadWhen: 'has(claims.client_id)',
    alice: subjects.alice,
    agents: serviceAccounts,
    researcher: { audience: 'researcher', scopes: ['research'] },
    client(auth): Document {
      if (auth === 'private_key_jwt') return { auth, id: 'postern-with-key', key, alg: 'ES256', kid: 'interop' };
      return { auth, id: 'postern', secret };
    },
    async agent(id) {
      const form = { grant_type: 'client_credentials' };
      const { body } = granted(await post(endpoint('token'), form, { id, secret: agentSecret }));
      return String(body['access_token']);
    },
    user: (kind = 'for-planner') => signIn(appOf[kind]),
    admin: (method, path, body) => admin(method, `/realms/${realm}${path}`, body),
    signIn,
    exchange(subject, more, id = 'postern') {
      const form = {
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: subject,
        subject_token_type: accessTokenUrn,
        requested_token_type: accessTokenUrn,
        ...more,
      };
      return post(endpoint('token'), form, { id, secret });
    },
  };
}

/** @throws Error when no token was issued: then nothing that follows means anything */
function granted(answer: TokenAnswer): TokenAnswer {
  if (answer.status === 200) return answer;
  throw new Error(`no token: ${answer.status} ${JSON.stringify(answer.body)}`);
}
