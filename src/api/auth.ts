/** Who calls: the bearer token in constant time, and the Host and Origin that a browser cannot forge. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { SojournError } from '../types/errors.js';
import type { Principal } from '../types/operation.js';
import type { IAuthenticator } from '../types/sharing.js';

const digest = (text: string) => createHash('sha256').update(text).digest();

/** The holder of the server's own token. */
export const localPrincipal: Principal = { id: 'local', access: 'admin' };

export class Authenticator {
  private readonly expected: Buffer | null;

  /**
   * @param token null lets everybody in; the configuration allows that on loopback only.
   * @param others who know further tokens
   */
  constructor(
    token: string | null,
    private readonly others: readonly Pick<IAuthenticator, 'principalOf'>[] = [],
  ) {
    this.expected = token === null ? null : digest(token);
  }

  /** @param header the Authorization header. @throws unauthorized */
  authenticate(header: string | undefined): Promise<Principal> {
    return this.principalOf(bearerToken(header));
  }

  /** Also by the user of HTTP Basic: for clients that know nothing but an address. @throws unauthorized */
  authenticateBasic(header: string | undefined): Promise<Principal> {
    return this.principalOf(bearerToken(header) ?? basicUser(header));
  }

  private async principalOf(token: string | undefined): Promise<Principal> {
    const { expected } = this;
    if (expected !== null && token !== undefined && timingSafeEqual(digest(token), expected))
      return localPrincipal;
    const known = token === undefined ? null : await this.knownByOthers(token);
    if (known) return known;
    if (expected === null) return localPrincipal;
    const detail =
      token === undefined
        ? 'Send the token as "Authorization: Bearer TOKEN"; `sojourn status` shows where it is.'
        : 'The token is not valid.';
    throw new SojournError('unauthorized', detail);
  }

  private async knownByOthers(token: string): Promise<Principal | null> {
    for (const other of this.others) {
      const principal = await other.principalOf(token);
      if (principal) return principal;
    }
    return null;
  }
}

const bearerToken = (header = '') => /^Bearer ([^\s]{1,1024})$/i.exec(header)?.[1];

function basicUser(header = ''): string | undefined {
  const encoded = /^Basic ([A-Za-z0-9+/=]{1,2048})$/i.exec(header)?.[1];
  if (encoded === undefined) return undefined;
  const [user = ''] = Buffer.from(encoded, 'base64').toString('utf8').split(':', 1);
  return user === '' ? undefined : user;
}

export interface OriginRules {
  readonly host: string;
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
}

const loopback = ['localhost', '127.0.0.1', '::1'];

/**
 * Refuses requests that a web page made a browser send: by DNS rebinding (a foreign name in Host), or from another
 * site (a foreign Origin). @throws forbidden
 */
export function checkOrigin(rules: OriginRules, host: string | undefined, origin: string | undefined): void {
  const name = hostName(host);
  if (name === null || !isKnownHost(rules, name)) {
    throw new SojournError('forbidden', 'This Host is not served here; allowed_hosts adds names.', {});
  }
  if (origin === undefined || rules.allowedOrigins.includes(origin)) return;
  if (originHost(origin) === host?.toLowerCase()) return;
  throw new SojournError('forbidden', 'This Origin may not call; allowed_origins adds sites.', {});
}

function isKnownHost(rules: OriginRules, name: string): boolean {
  if (loopback.includes(name) || name === rules.host.toLowerCase()) return true;
  if (rules.allowedHosts.some((allowed) => allowed.toLowerCase() === name)) return true;
  // Rebinding needs a name; a server on an outside address may be called by that address.
  return isIP(name) !== 0 && !loopback.includes(rules.host);
}

/** The name in a Host header without its port, brackets or capitals; null when it is no host at all. */
function hostName(host: string | undefined): string | null {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(host ?? '');
  return (match?.[1] ?? match?.[2])?.toLowerCase() ?? null;
}

function originHost(origin: string): string | null {
  try {
    return new URL(origin).host;
  } catch {
    return null;
  }
}
