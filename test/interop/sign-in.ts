// Alice in a browser: Keycloak's login page, then its consent page, by their forms. For scopes that Keycloak issues only
// after consent, which the password grant cannot give.

import { appSecret, redirectUri, userPassword } from '../../scripts/interop/realm.ts';
import { post } from '../support/sts-issuer.ts';

const app = { id: 'app-with-consent', secret: appSecret };

/** Most pages and redirects: a flow that goes in circles must end. */
const maxSteps = 10;

/** @returns the user's token, and what the consent page asked. */
export async function signInWithConsent(issuer: string, scope: string) {
  const endpoint = `${issuer}/protocol/openid-connect`;
  const asked = { client_id: app.id, response_type: 'code', redirect_uri: redirectUri, scope };
  const browser = createBrowser();
  const login = await browser.open(`${endpoint}/auth?${new URLSearchParams(asked)}`);
  const consent = await browser.submit(login, { username: 'alice', password: userPassword });
  const back = await browser.submit(consent, { accept: 'Yes' });
  const code = new URL(back.url).searchParams.get('code') ?? '';
  const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri };
  const { body, claims } = await post(`${endpoint}/token`, form, app);
  const question = /<li>\s*<span>([^<]*)<\/span>/.exec(consent.html)?.[1]?.trim();
  return { token: String(body['access_token']), claims, question };
}

interface Page {
  readonly url: string;
  readonly html: string;
}

function createBrowser() {
  const cookies = new Map<string, string>();

  async function go(first: string, form?: Record<string, string>): Promise<Page> {
    let url = first;
    let body = form;
    for (let step = 0; step < maxSteps; step += 1) {
      const sent = body === undefined ? {} : { method: 'POST', body: new URLSearchParams(body) };
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      const response = await fetch(url, { redirect: 'manual', headers: { cookie }, ...sent });
      for (const line of response.headers.getSetCookie()) keep(line);
      const location = response.headers.get('location');
      if (location === null) return { url, html: await response.text() };
      url = new URL(location, url).href;
      body = undefined;
      if (url.startsWith(redirectUri)) return { url, html: '' };
    }
    throw new Error('the sign-in goes in circles');
  }

  function keep(line: string): void {
    const [, name, value] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    if (name === undefined || value === undefined) return;
    if (value === '') cookies.delete(name);
    else cookies.set(name, value);
  }

  return {
    open: (url: string) => go(url),
    /** Submits the only form of a page, with its hidden fields. */
    submit({ url, html }: Page, fields: Record<string, string>) {
      const action = /<form[^>]*action="([^"]+)"/.exec(html)?.[1]?.replaceAll('&amp;', '&');
      if (action === undefined) throw new Error('there is no form on the page');
      const hidden = [...html.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)];
      const given = Object.fromEntries(hidden.map(([, name = '', value = '']) => [name, value]));
      return go(new URL(action, url).href, { ...given, ...fields });
    },
  };
}
