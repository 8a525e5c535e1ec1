/** The id and result mapper of sessions: a session of the catalogue as lynguine describes it. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { IIds } from '../../../types/ports.js';
import type { Members } from './answers.js';

/** What is read of the metadata that the catalogue answers. */
export const sessionSchema = z.object({
  session_id: z.string(),
  kind: z.string(),
  owner: z.string(),
  status: z.string(),
  created_at: z.string(),
  last_activity: z.string(),
  expires_at: z.string().nullable(),
  memory_mb: z.number(),
  interface_file: z.string().nullish(),
  directory: z.string().nullish(),
  interface_field: z.string().nullish(),
  shape: z.array(z.number()).nullish(),
  columns: z.array(z.string()).nullish(),
});
export type DataSession = z.infer<typeof sessionSchema>;

/** A session that works is never idle. @param now milliseconds since 1970 */
export const isExpired = ({ expires_at, status }: DataSession, now: number): boolean =>
  expires_at !== null && status !== 'busy' && Date.parse(expires_at) <= now;

/** Seconds without use after which it is gone; 0 = never. */
export const timeoutOf = ({ expires_at, last_activity }: DataSession): number =>
  expires_at === null ? 0 : (Date.parse(expires_at) - Date.parse(last_activity)) / 1000;

export const idleSecondsOf = ({ last_activity }: DataSession, now: number): number =>
  Math.max(0, now - Date.parse(last_activity)) / 1000;

const rounded = (value: number) => Math.round(value * 100) / 100;

/** @param now milliseconds since 1970 */
export function describe(session: DataSession, now: number): Members {
  const created = Date.parse(session.created_at);
  return {
    session_id: session.session_id,
    interface_file: session.interface_file ?? null,
    directory: session.directory ?? '.',
    interface_field: session.interface_field ?? null,
    shape: session.shape ?? [0, 0],
    columns: session.columns ?? [],
    memory_mb: rounded(session.memory_mb),
    created_time: created / 1000,
    last_accessed: Date.parse(session.last_activity) / 1000,
    timeout: timeoutOf(session),
    age_seconds: rounded(Math.max(0, now - created) / 1000),
    idle_seconds: rounded(idleSecondsOf(session, now)),
  };
}

/** A random UUID (RFC 9562, version 4) from a secret of the server. */
export function newSessionId(ids: Pick<IIds, 'secret'>): string {
  const bytes = createHash('sha256').update(ids.secret()).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
