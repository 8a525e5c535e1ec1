/**
 * Rows and what they stand for. Every row carries a checksum over all of its columns, seeded with the session's uid,
 * so that changed bytes and rows that ended up in another session are told from what was written.
 */
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import { sessionRecordSchema } from '../../types/session.js';
import type { SessionRecord } from '../../types/session.js';
import type { IdempotentAnswer } from '../../types/store.js';
import type { EncodedEvent } from '../journal-codec.js';
import { hasShape, parseJson } from '../journal-codec.js';
import { damaged } from '../store-errors.js';

export interface SessionRow {
  session_key: number;
  session_id: string;
  uid: string;
  kind: string;
  owner: string;
  created_at: string;
  failed: number;
  cold: string;
  crc: number;
}
export interface HeadRow {
  session_key: number;
  head_seq: number;
  epoch: number;
  last_activity: string;
  stored_bytes: number;
  checkpoint_count: number;
  head_checkpoint: string | null;
  branch: string;
  total_executions: number;
  variable_count: number | null;
  crc: number;
}
export interface JournalRow {
  seq: number;
  at: string;
  type: string;
  body: string;
  crc: number;
}
export interface AnswerRow {
  created_at: string;
  body: string;
  crc: number;
}

/** Fields of a record that live in `heads`; a patch of only these never touches `sessions`. */
export const headFields = [
  'head_seq',
  'epoch',
  'last_activity',
  'stored_bytes',
  'checkpoint_count',
  'head_checkpoint',
  'branch',
  'total_executions',
  'variable_count',
] as const satisfies readonly (keyof SessionRecord & keyof HeadRow)[];
export type Head = Pick<SessionRecord, (typeof headFields)[number]>;

/** Text from clients, as it is stored in a column that is searched: JSON, so that lone surrogates survive. */
export const searchable = (text: string): string => JSON.stringify(text);

export const headCrc = (uid: string, head: Head): number =>
  crc32(
    `${uid} ${head.head_seq} ${head.epoch} ${head.last_activity} ${head.stored_bytes} ${head.checkpoint_count} ` +
      `${head.head_checkpoint} ${head.branch} ${head.total_executions} ${head.variable_count}`,
  );

export const journalCrc = (uid: string, row: Pick<EncodedEvent, 'seq' | 'at' | 'type' | 'body'>): number =>
  crc32(row.body, crc32(`${uid} ${row.seq} ${row.at} ${row.type} `));

const sessionCrc = (row: Omit<SessionRow, 'session_key' | 'crc'>): number =>
  crc32(JSON.stringify([row.session_id, row.uid, row.kind, row.owner, row.created_at, row.failed, row.cold]));

/** Fields that have a column of their own; the rest of a record is its cold part. */
const ownColumns: ReadonlySet<string> = new Set(['session_id', 'uid', 'created_at', ...headFields]);

export function encodeSession(record: SessionRecord): Omit<SessionRow, 'session_key'> {
  const cold = Object.fromEntries(Object.entries(record).filter(([field]) => !ownColumns.has(field)));
  const row = {
    session_id: record.session_id,
    uid: record.uid,
    kind: searchable(record.kind),
    owner: searchable(record.owner),
    created_at: record.created_at,
    failed: record.failure === null ? 0 : 1,
    cold: JSON.stringify(cold),
  };
  return { ...row, crc: sessionCrc(row) };
}

export const encodeHead = (uid: string, head: Head): Omit<HeadRow, 'session_key'> => ({
  head_seq: head.head_seq,
  epoch: head.epoch,
  last_activity: head.last_activity,
  stored_bytes: head.stored_bytes,
  checkpoint_count: head.checkpoint_count,
  head_checkpoint: head.head_checkpoint,
  branch: head.branch,
  total_executions: head.total_executions,
  variable_count: head.variable_count,
  crc: headCrc(uid, head),
});

const isRecord = (value: unknown): value is SessionRecord => hasShape(sessionRecordSchema, value);

/**
 * @param headChecksum what is stored as the checksum of `head`.
 * @throws storage_error, damaged
 */
export function decodeSession(row: SessionRow, head: Head, headChecksum: number): SessionRecord {
  const cold = row.crc === sessionCrc(row) ? parseJson(row.cold) : undefined;
  const { session_id, uid, created_at } = row;
  if (typeof cold === 'object' && cold !== null && headChecksum === headCrc(uid, head)) {
    // Into the parsed object: building another of this size would take most of the time of a list.
    const record: unknown = Object.assign(cold, pickHead(head), { session_id, uid, created_at });
    if (isRecord(record)) return record;
  }
  throw damaged(`The record of session '${session_id}' is not what was written.`, { session_id });
}

/** Only the head's own fields, whatever else a joined row holds. */
export const pickHead = (row: Head): Head => ({
  head_seq: row.head_seq,
  epoch: row.epoch,
  last_activity: row.last_activity,
  stored_bytes: row.stored_bytes,
  checkpoint_count: row.checkpoint_count,
  head_checkpoint: row.head_checkpoint,
  branch: row.branch,
  total_executions: row.total_executions,
  variable_count: row.variable_count,
});

const answerSchema = z.object({ request: z.string(), answer: z.unknown(), created_at: z.string() });
const isAnswer = (value: unknown): value is IdempotentAnswer => hasShape(answerSchema, value);

export function encodeAnswer(name: string, answer: IdempotentAnswer): AnswerRow {
  const body = JSON.stringify(answer);
  return { created_at: answer.created_at, body, crc: crc32(body, crc32(name)) };
}

/** @throws storage_error, damaged */
export function decodeAnswer(name: string, row: AnswerRow): IdempotentAnswer {
  const value = row.crc === crc32(row.body, crc32(name)) ? parseJson(row.body) : undefined;
  if (isAnswer(value)) return value;
  throw damaged('A stored answer is not what was written; the call can be made again under another key.');
}
