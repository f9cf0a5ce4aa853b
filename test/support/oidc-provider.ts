import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider, { type Configuration } from 'oidc-provider';

/** Somebody who can log in there. */
export interface Account {
  sub: string;
  name?: string;
  email?: string;
  email_verified?: boolean;
  groups?: string[];
}

export interface OidcIssuer {
  issuer: string;
  clientId: string;
  clientSecret: string;
  /** Who logs in from now on, without being asked for a password. */
  account: Account;
  /** Lets a client be sent back to an address; the issuer answers from then on. */
  register(redirectUri: string): void;
  close(): Promise<void>;
}

const CLIENT = {
  clientId: 'waymark',
  clientSecret: 'a secret of forty-three characters, or so it is',
};

/** A real OpenID provider on the loopback address, whose people log in by being sent there. */
export async function startOidcIssuer(account: Account): Promise<OidcIssuer> {
  let answer = (_request: IncomingMessage, response: ServerResponse): unknown =>
    response.writeHead(503).end();
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const opened: OidcIssuer = {
    ...CLIENT,
    issuer,
    account,
    register(redirectUri) {
      const provider = new Provider(
        issuer,
        configurationFor(redirectUri, () => opened.account),
      );
      const callback = provider.callback();
      answer = (request, response) => {
        if (!request.url?.startsWith('/interaction/')) return callback(request, response);
        const login = { accountId: opened.account.sub };
        return provider.interactionFinished(request, response, { login });
      };
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  return opened;
}

function configurationFor(redirectUri: string, current: () => Account): Configuration {
  return {
    clients: [
      {
        client_id: CLIENT.clientId,
        client_secret: CLIENT.clientSecret,
        redirect_uris: [redirectUri],
      },
    ],
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      profile: ['name'],
      groups: ['groups'],
    },
    scopes: ['openid', 'email', 'profile', 'groups'],
    pkce: { required: () => true },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    cookies: { keys: ['of-the-test-alone'] },
    ttl: { AccessToken: 600, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
    findAccount: (_ctx, sub) => ({ accountId: sub, claims: async () => ({ ...current(), sub }) }),
    async loadExistingGrant({ oidc }) {
      const { clientId } = oidc.client!;
      const grant = new oidc.provider.Grant({ clientId, accountId: oidc.session!.accountId! });
      grant.addOIDCScope('openid email profile groups');
      await grant.save();
      return grant;
    },
  };
}

/** A browser, as far as redirections and cookies go. */
export interface Browser {
  /** Goes where it is sent, until an answer is no redirection. */
  open(url: string): Promise<Response>;
  /** Goes to the address alone. */
  visit(url: string): Promise<Response>;
  cookies: Map<string, string>;
}

/** One host has one jar, whatever its port: those of a test share the loopback address. */
export function makeBrowser(): Browser {
  const cookies = new Map<string, string>();

  async function visit(url: string): Promise<Response> {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await fetch(url, { redirect: 'manual', headers: { cookie } });
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      const isEnded = value === '' || /Max-Age=0|1970/i.test(line);
      if (isEnded) cookies.delete(name);
      else cookies.set(name, value);
    }
    return answer;
  }

  return {
    visit,
    cookies,
    async open(url) {
      let answer = await visit(url);
      let at = url;
      while (answer.status >= 300 && answer.status < 400) {
        at = new URL(answer.headers.get('location')!, at).href;
        answer = await visit(at);
      }
      return answer;
    },
  };
}
