/** Shares: tokens that let their holder use one session and nothing else. */
import { z } from 'zod';
import { accessModeSchema } from './concurrency.js';
import type { Principal } from './operation.js';
import type { Disposable } from './ports.js';

/** What is kept of a share token: never the token itself. */
export const shareRecordSchema = z.object({
  share_id: z.string().regex(/^[a-z0-9]{8,64}$/),
  mode: accessModeSchema,
  /** SHA-256 of the secret, in hex. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  created_at: z.string(),
  created_by: z.string(),
  /** Null: it holds until it is revoked. */
  expires_at: z.string().nullable(),
  /** When the journal was last told of its use. */
  used_at: z.string().nullable(),
  /** Fingerprint of the idempotency key it was made with. */
  create_key: z.string().optional(),
});
export type ShareRecord = z.infer<typeof shareRecordSchema>;

/** Someone whom a token stood for: it was revoked, has expired, or its session is gone. */
export interface EndedAccess {
  readonly principal: string;
  readonly session_id: string;
}

/** Knows tokens beside the server's own. */
export interface IAuthenticator {
  /** Who the holder of a token is; null when it is none of its tokens, or not any more. */
  principalOf(token: string): Promise<Principal | null>;
  /** Calls `listener` when somebody may do nothing any more: connections that they still have are to be closed. */
  onEnded(listener: (ended: EndedAccess) => void): Disposable;
}
