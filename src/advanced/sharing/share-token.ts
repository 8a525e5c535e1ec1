/**
 * What a share token says: its session and its share, so that it is found without a table, and a secret. Of the whole
 * text only the hash is kept.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { sessionIdPattern } from '../../types/session.js';

export interface ShareName {
  readonly session_id: string;
  readonly share_id: string;
}

const pattern = /^sjs_([A-Za-z0-9_-]{2,172})\.([a-z0-9]{8,64})\.[A-Za-z0-9_-]{43}$/;

const digest = (token: string) => createHash('sha256').update(token).digest();

/** Compared with where there is no share, so that it takes as long. */
const nothing = digest('');

/** @param secret 43 characters of base64url: 256 bits and more */
export const shareToken = ({ session_id, share_id }: ShareName, secret: string): string =>
  `sjs_${Buffer.from(session_id).toString('base64url')}.${share_id}.${secret}`;

/** Null when it has not the form of one. */
export function shareNameOf(token: string): ShareName | null {
  const [, encoded, share_id] = pattern.exec(token) ?? [];
  if (encoded === undefined || share_id === undefined) return null;
  const session_id = Buffer.from(encoded, 'base64url').toString('utf8');
  return sessionIdPattern.test(session_id) ? { session_id, share_id } : null;
}

export const hashOf = (token: string): string => digest(token).toString('hex');

/** In the same time whatever it is compared with. */
export function hasHash(token: string, hash: string | undefined): boolean {
  const expected = hash === undefined ? nothing : Buffer.from(hash, 'hex');
  return timingSafeEqual(digest(token), expected) && hash !== undefined;
}
