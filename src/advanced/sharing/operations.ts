/** Sharing a session, for its owner and admins: the holder of a share can share nothing on. */
import { z } from 'zod';
import { accessModeSchema } from '../../types/concurrency.js';
import { defineSessionOperation } from '../../types/operation.js';
import type { Operation } from '../../types/operation.js';
import type { ShareRecord } from '../../types/sharing.js';
import type { Shares } from './shares.js';

const shareIdSchema = z.string().min(1).max(64);

const shareSchema = z.object({
  share_id: z.string(),
  mode: accessModeSchema,
  created_at: z.string(),
  created_by: z.string(),
  expires_at: z.string().nullable().describe('Null: it holds until it is revoked.'),
  last_used_at: z.string().nullable().describe('To within an hour.'),
});

export const sharingOperations = (shares: Shares): Operation[] => [
  defineSessionOperation({
    name: 'share',
    access: 'write',
    shared: false,
    lease: 'free',
    answersOnce: true,
    summary: 'Makes a token that lets its holder use this session, and nothing else. It is told this once.',
    params: z.strictObject({
      mode: accessModeSchema,
      ttl_s: z
        .number()
        .min(1)
        .max(1e9)
        .optional()
        .describe('Seconds until it expires; it holds until it is revoked when left out.'),
    }),
    result: z.object({
      share_id: z.string(),
      token: z.string(),
      mode: accessModeSchema,
      expires_at: z.string().nullable(),
    }),
    http: [{ method: 'POST', path: '/sessions/:id/shares', status: 201 }],
    handle: ({ mode, ttl_s }, call) =>
      shares.create({ mode, ttlMs: ttl_s === undefined ? null : Math.round(ttl_s * 1000) }, call),
  }),
  defineSessionOperation({
    name: 'list_shares',
    access: 'read',
    shared: false,
    summary: 'The shares of this session that hold, oldest first; never their tokens.',
    params: z.strictObject({}),
    result: z.object({ shares: z.array(shareSchema) }),
    http: [{ method: 'GET', path: '/sessions/:id/shares' }],
    handle: async (_params, call) => ({ shares: (await shares.list(call)).map(described) }),
  }),
  defineSessionOperation({
    name: 'revoke_share',
    access: 'write',
    shared: false,
    lease: 'free',
    summary: 'Ends a share: its token is worth nothing from now on.',
    params: z.strictObject({ share_id: shareIdSchema }),
    result: z.object({ share_id: z.string(), revoked: z.boolean() }),
    http: [{ method: 'DELETE', path: '/sessions/:id/shares/:share_id', status: 204 }],
    handle: async ({ share_id }, call) => ({ share_id, revoked: await shares.revoke(share_id, call) }),
  }),
];

const described = ({ share_id, mode, created_at, created_by, expires_at, used_at }: ShareRecord) => ({
  share_id,
  mode,
  created_at,
  created_by,
  expires_at,
  last_used_at: used_at,
});
