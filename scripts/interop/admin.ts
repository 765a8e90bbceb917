// Keycloak's admin REST API, as far as the suite needs it: one call, authenticated as the bootstrap administrator.

export interface AdminOptions {
  readonly url: string;
  readonly password: string;
}

/** @param path below `/admin`, such as `/realms`. @throws Error with status and answer when it is refused */
export type Admin = (method: 'POST' | 'PUT' | 'DELETE', path: string, body?: object) => Promise<void>;

export function createAdmin({ url, password }: AdminOptions): Admin {
  /** For each call, since these tokens last a minute. */
  async function authorization(): Promise<string> {
    const login = { grant_type: 'password', client_id: 'admin-cli', username: 'admin', password };
    const endpoint = `${url}/realms/master/protocol/openid-connect/token`;
    const response = await fetch(endpoint, { method: 'POST', body: new URLSearchParams(login) });
    const answer: unknown = await response.json();
    if (typeof answer === 'object' && answer !== null && 'access_token' in answer)
      return `Bearer ${answer.access_token}`;
    throw new Error(`the administrator was refused (${response.status})`);
  }

  return async function admin(method, path, body) {
    const headers = { authorization: await authorization(), 'content-type': 'application/json' };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(`${url}/admin${path}`, { method, headers, ...sent });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${(await response.text()).slice(0, 400)}`);
  };
}
