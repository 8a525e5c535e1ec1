/** The tables `checkpoints` and `session_parts`: each session's tree of checkpoints and the parts they hold. */
import { SojournError } from '../../types/errors.js';
import type { CheckpointRecord, PartRef } from '../../types/store.js';
import type { CheckpointNode } from '../fork-rules.js';
import { damaged } from '../store-errors.js';
import type { Located } from './catalogue.js';
import { checkpointCrc, decodeCheckpoint, encodeCheckpoint } from './rows.js';
import type { CheckpointRow } from './rows.js';
import type { Db } from './schema.js';

/** A checkpoint that can be copied to another session. */
export interface StoredNode extends CheckpointNode {
  readonly position: number;
  readonly bytes: number;
  readonly crc: number;
  /** Its checksum in the other session, which has another uid. */
  readonly newCrc: number;
}

export class Checkpoints {
  private readonly statements;

  constructor(db: Db) {
    const columns = 'checkpoint_id,body,crc';
    this.statements = {
      insert: db.prepare<[number, string, string, number]>(
        'INSERT INTO checkpoints(session_key,checkpoint_id,body,crc) VALUES(?,?,?,?)',
      ),
      exists: db
        .prepare<[number, string], number>(
          'SELECT 1 FROM checkpoints WHERE session_key=? AND checkpoint_id=?',
        )
        .pluck(),
      list: db.prepare<[number], CheckpointRow>(
        `SELECT ${columns} FROM checkpoints WHERE session_key=? ORDER BY position`,
      ),
      get: db.prepare<[number, string], CheckpointRow>(
        `SELECT ${columns} FROM checkpoints WHERE session_key=? AND checkpoint_id=?`,
      ),
      positions: db
        .prepare<[number], number>('SELECT position FROM checkpoints WHERE session_key=? ORDER BY position')
        .pluck(),
      stored: db.prepare<[number], CheckpointRow>(`SELECT ${columns} FROM checkpoints WHERE position=?`),
      copy: db.prepare<[number, number, number, number]>(
        `INSERT INTO checkpoints(session_key,checkpoint_id,body,crc)
SELECT ?,checkpoint_id,body,? FROM checkpoints WHERE position=? AND crc=?`,
      ),
      holdAll: db.prepare<[number, string]>(
        'INSERT INTO session_parts(session_key,hash,size) SELECT ?,key,value FROM json_each(?) ORDER BY key',
      ),
      hold: db.prepare<[number, string, number]>(
        'INSERT OR IGNORE INTO session_parts(session_key,hash,size) VALUES(?,?,?)',
      ),
      held: db.prepare<[number], string>('SELECT hash FROM session_parts WHERE session_key=?').pluck(),
      heldBytes: db
        .prepare<[number], number>('SELECT coalesce(sum(size),0) FROM session_parts WHERE session_key=?')
        .pluck(),
      holder: db.prepare<[string], number>('SELECT size FROM session_parts WHERE hash=? LIMIT 1').pluck(),
    };
  }

  /**
   * @returns the bytes of the row, and of the parts that the session did not hold before
   * @throws conflict when the id is taken
   */
  insert({ key, uid, sessionId }: Located, checkpoint: CheckpointRecord): { bytes: number; added: number } {
    const { checkpoint_id } = checkpoint;
    if (this.statements.exists.get(key, checkpoint_id) !== undefined) {
      throw new SojournError('conflict', `There is a checkpoint '${checkpoint_id}' already.`, {
        session_id: sessionId,
        checkpoint_id,
      });
    }
    const { body, crc } = encodeCheckpoint(uid, checkpoint);
    this.statements.insert.run(key, checkpoint_id, body, crc);
    const isNew = ({ hash, size }: PartRef) => this.statements.hold.run(key, hash, size).changes > 0;
    const added = checkpoint.parts.filter(isNew).reduce((sum, part) => sum + part.size, 0);
    return { bytes: body.length, added };
  }

  /** @throws storage_error, damaged */
  list({ key, uid, sessionId }: Located): CheckpointRecord[] {
    return this.statements.list.all(key).map((row) => decodeCheckpoint(sessionId, uid, row));
  }

  /** @throws storage_error, damaged */
  get({ key, uid, sessionId }: Located, checkpointId: string): CheckpointRecord | null {
    const row = this.statements.get.get(key, checkpointId);
    return row ? decodeCheckpoint(sessionId, uid, row) : null;
  }

  /** Places of a session's checkpoints, oldest first. */
  positions(key: number): number[] {
    return this.statements.positions.all(key);
  }

  /** @throws storage_error, damaged */
  node({ uid, sessionId }: Located, position: number, newUid: string): StoredNode {
    const row = this.statements.stored.get(position);
    if (!row) throw gone(sessionId);
    const { checkpoint_id, seq, parent, branch, parts } = decodeCheckpoint(sessionId, uid, row);
    const { body, crc } = row;
    const place = { position, bytes: body.length, crc, newCrc: checkpointCrc(newUid, body) };
    return { checkpoint_id, seq, parent, branch, parts, ...place };
  }

  /**
   * Gives a session that has no checkpoints these of another.
   * @param sizes of their distinct parts, by hash.
   * @throws storage_error, damaged
   */
  copy(
    { sessionId }: Located,
    nodes: readonly StoredNode[],
    sizes: ReadonlyMap<string, number>,
    key: number,
  ): void {
    for (const { position, crc, newCrc } of nodes) {
      if (this.statements.copy.run(key, newCrc, position, crc).changes === 0) throw gone(sessionId);
    }
    this.statements.holdAll.run(key, JSON.stringify(Object.fromEntries(sizes)));
  }

  /** Hashes of all parts of one session. */
  partsOf(key: number): string[] {
    return this.statements.held.all(key);
  }

  /** Bytes of all distinct parts of one session. */
  partBytes(key: number): number {
    return this.statements.heldBytes.get(key) ?? 0;
  }

  /** The size of a part that some session holds. */
  heldSize(hash: string): number | undefined {
    return this.statements.holder.get(hash);
  }
}

const gone = (sessionId: string) =>
  damaged(`A checkpoint of session '${sessionId}' is missing.`, { session_id: sessionId });
