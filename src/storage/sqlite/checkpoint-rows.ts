/**
 * Rows of checkpoints and what they stand for: the node, what it holds, and the note on it, each with a checksum of its
 * own, so that the tree can be read without the rest.
 */
import { crc32 } from 'node:zlib';
import { SojournError } from '../../types/errors.js';
import { checkpointNoteSchema, checkpointRecordSchema } from '../../types/store.js';
import type { CheckpointNode, CheckpointNote, CheckpointRecord } from '../../types/store.js';
import { hasShape, parseJson } from '../journal-codec.js';
import { damaged } from '../store-errors.js';

export interface NodeRow {
  position: number;
  node: string;
  crc: number;
}
/** A node with what it holds. */
export interface CheckpointRow extends NodeRow {
  checkpoint_id: string;
  body: string | null;
  body_crc: number | null;
}
export interface NoteRow {
  checkpoint_id: string;
  note: string;
  crc: number;
}
export type BareNode = Omit<CheckpointNode, 'note'>;

const nodeCrc = (uid: string, node: string): number => crc32(node, crc32(uid));
const bodyCrc = (uid: string, checkpointId: string, body: string): number =>
  crc32(body, crc32(`${uid} ${checkpointId} `));

/** A list instead of an object: ten thousand of them are read at once. */
export function encodeNode(uid: string, node: BareNode): Omit<NodeRow, 'position'> {
  const { checkpoint_id, seq, parent, branch, epoch, reason, created_at, bytes, new_bytes } = node;
  const text = JSON.stringify([
    checkpoint_id,
    seq,
    parent,
    branch,
    epoch,
    reason,
    created_at,
    bytes,
    new_bytes,
  ]);
  return { node: text, crc: nodeCrc(uid, text) };
}

/** Without its note. @throws storage_error, damaged */
export function decodeNode(
  sessionId: string,
  uid: string,
  row: Pick<NodeRow, 'node' | 'crc'>,
): CheckpointNode {
  // What has the checksum was written by `encodeNode`: checking the shape of ten thousand would take too long.
  if (row.crc === nodeCrc(uid, row.node)) {
    const [checkpoint_id, seq, parent, branch, epoch, reason, created_at, bytes, new_bytes] = JSON.parse(
      row.node,
    ) as NodeList;
    return { checkpoint_id, seq, parent, branch, epoch, reason, created_at, bytes, new_bytes, note: null };
  }
  throw damaged(`A checkpoint of session '${sessionId}' is not what was written.`, { session_id: sessionId });
}
type NodeList = [
  checkpoint_id: string,
  seq: number,
  parent: string | null,
  branch: string,
  epoch: number,
  reason: string,
  created_at: string,
  bytes: number,
  new_bytes: number,
];

const isCheckpoint = (value: unknown): value is CheckpointRecord => hasShape(checkpointRecordSchema, value);

/** @throws internal when it could not be read again */
export function encodeBody(uid: string, checkpoint: CheckpointRecord): { body: string; crc: number } {
  if (!isCheckpoint(checkpoint))
    throw new SojournError('internal', 'A checkpoint is malformed; it was not stored.');
  const { checkpoint_id, seq: _s, parent: _p, branch: _b, epoch: _e, ...held } = checkpoint;
  const { reason: _r, created_at: _c, note: _n, ...rest } = held;
  const body = JSON.stringify(rest);
  return { body, crc: bodyCrc(uid, checkpoint_id, body) };
}

/** @throws storage_error, damaged */
export function decodeCheckpoint(
  sessionId: string,
  uid: string,
  row: CheckpointRow,
  note?: CheckpointNote,
): CheckpointRecord {
  const { bytes: _, new_bytes: _n, note: _o, ...place } = decodeNode(sessionId, uid, row);
  const { checkpoint_id, body, body_crc } = row;
  const isWhole = body !== null && body_crc === bodyCrc(uid, checkpoint_id, body);
  const rest = isWhole ? parseJson(body) : undefined;
  if (typeof rest === 'object' && rest !== null) {
    const checkpoint: unknown = Object.assign(rest, place, note && { note });
    if (isCheckpoint(checkpoint) && place.checkpoint_id === checkpoint_id) return checkpoint;
  }
  throw damaged(`The checkpoint '${checkpoint_id}' of session '${sessionId}' is not what was written.`, {
    session_id: sessionId,
  });
}

const noteCrc = (uid: string, checkpointId: string, note: string): number =>
  crc32(note, crc32(`${uid} note ${checkpointId} `));

const isNote = (value: unknown): value is CheckpointNote => hasShape(checkpointNoteSchema, value);

export function encodeNote(uid: string, checkpointId: string, given: CheckpointNote): NoteRow {
  const note = JSON.stringify(given);
  return { checkpoint_id: checkpointId, note, crc: noteCrc(uid, checkpointId, note) };
}

/** @throws storage_error, damaged */
export function decodeNote(sessionId: string, uid: string, row: NoteRow): CheckpointNote {
  const { checkpoint_id, note, crc } = row;
  const value = crc === noteCrc(uid, checkpoint_id, note) ? parseJson(note) : undefined;
  if (isNote(value)) return value;
  const detail = `The note on checkpoint '${checkpoint_id}' of session '${sessionId}' is not what was written.`;
  throw damaged(detail, { session_id: sessionId });
}
