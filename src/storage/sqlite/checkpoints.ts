/** The tables `checkpoints` and `bodies`: each session's tree of checkpoints and what they hold. */
import { SojournError } from '../../types/errors.js';
import type { CheckpointNode, CheckpointRecord } from '../../types/store.js';
import { newParts } from '../checkpoint-tree.js';
import { partSizes, sumOf } from '../fork-rules.js';
import type { Located } from './catalogue.js';
import { decodeCheckpoint, decodeNode, encodeBody, encodeNode } from './checkpoint-rows.js';
import type { CheckpointRow, NodeRow } from './checkpoint-rows.js';
import type { HeldParts } from './held-parts.js';
import type { Notes } from './notes.js';
import type { Db } from './schema.js';

/** Something of a checkpoint, and where that stands among its session's. */
export interface Placed<Item> {
  readonly position: number;
  readonly item: Item;
}

/** What is read in one go: more would hold up everybody else. */
const nodesAtOnce = 1000;
const bytesAtOnce = 2 ** 18;

export class Checkpoints {
  private readonly statements;
  /** Grows when nodes were removed: whoever reads a tree in pieces begins anew. */
  removals = 0;

  constructor(
    db: Db,
    private readonly held: HeldParts,
    private readonly notes: Notes,
  ) {
    const whole = `SELECT c.position,c.checkpoint_id,c.node,c.crc,b.body,b.crc AS body_crc FROM checkpoints c
LEFT JOIN bodies b ON b.session_key=c.session_key AND b.position=c.position WHERE c.session_key=?`;
    this.statements = {
      last: db
        .prepare<[number], number | null>('SELECT max(position) FROM checkpoints WHERE session_key=?')
        .pluck(),
      insertNode: db.prepare<[number, number, string, number, string, number]>(
        'INSERT INTO checkpoints(session_key,position,checkpoint_id,seq,node,crc) VALUES(?,?,?,?,?,?)',
      ),
      insertBody: db.prepare<[number, number, string, number]>(
        'INSERT INTO bodies(session_key,position,body,crc) VALUES(?,?,?,?)',
      ),
      updateNode: db.prepare<[string, number, number, number]>(
        'UPDATE checkpoints SET node=?,crc=? WHERE session_key=? AND position=?',
      ),
      removeNodes: db.prepare<[number, string]>(
        'DELETE FROM checkpoints WHERE session_key=? AND position IN (SELECT value FROM json_each(?))',
      ),
      removeBodies: db.prepare<[number, string]>(
        'DELETE FROM bodies WHERE session_key=? AND position IN (SELECT value FROM json_each(?))',
      ),
      exists: db
        .prepare<[number, string], number>(
          'SELECT 1 FROM checkpoints WHERE session_key=? AND checkpoint_id=?',
        )
        .pluck(),
      nodes: db.prepare<[number, number, number], NodeRow>(
        'SELECT position,node,crc FROM checkpoints WHERE session_key=? AND position>? ORDER BY position LIMIT ?',
      ),
      list: db.prepare<[number, number], CheckpointRow>(`${whole} AND c.position>? ORDER BY c.position`),
      get: db.prepare<[number, string], CheckpointRow>(`${whole} AND c.checkpoint_id=?`),
    };
  }

  /**
   * @returns the bytes of the row, and of the parts that the session did not hold before
   * @throws conflict when the id is taken
   */
  insert(located: Located, checkpoint: CheckpointRecord): { bytes: number; added: number } {
    const { key, uid, sessionId } = located;
    const { checkpoint_id, seq, parent, note } = checkpoint;
    if (this.has(located, checkpoint_id)) {
      throw new SojournError('conflict', `There is a checkpoint '${checkpoint_id}' already.`, {
        session_id: sessionId,
        checkpoint_id,
      });
    }
    const { body, crc } = encodeBody(uid, checkpoint);
    const added = newParts(checkpoint, this.partsOf(located, parent) ?? new Map());
    const bytes = sumOf(partSizes([checkpoint]));
    const node = encodeNode(uid, { ...checkpoint, bytes, new_bytes: sumOf(added) });
    const position = (this.statements.last.get(key) ?? 0) + 1;
    this.statements.insertNode.run(key, position, checkpoint_id, seq, node.node, node.crc);
    this.statements.insertBody.run(key, position, body, crc);
    if (note) this.notes.put(located, checkpoint_id, note);
    return { bytes: body.length, added: this.held.add(key, added) };
  }

  has({ key }: Located, checkpointId: string): boolean {
    return this.statements.exists.get(key, checkpointId) !== undefined;
  }

  /** @throws storage_error, damaged */
  get(located: Located, checkpointId: string): CheckpointRecord | null {
    const row = this.statements.get.get(located.key, checkpointId);
    if (!row) return null;
    return decodeCheckpoint(located.sessionId, located.uid, row, this.notes.get(located, checkpointId));
  }

  /** Sizes of its distinct parts, by hash; undefined when they cannot be read. None where there is no such one. */
  partsOf({ key, uid, sessionId }: Located, checkpointId: string | null): Map<string, number> | undefined {
    const row = checkpointId === null ? undefined : this.statements.get.get(key, checkpointId);
    if (!row) return new Map();
    try {
      return partSizes([decodeCheckpoint(sessionId, uid, row)]);
    } catch {
      // Damage of another checkpoint: who restores it will tell.
      return undefined;
    }
  }

  /** Some of a session's, oldest first, after a position; none at the end. @throws storage_error, damaged */
  nodes({ key, uid, sessionId }: Located, after: number): Placed<CheckpointNode>[] {
    const rows = this.statements.nodes.all(key, after, nodesAtOnce);
    return rows.map((row) => ({ position: row.position, item: decodeNode(sessionId, uid, row) }));
  }

  /** The same with all that they hold. @throws storage_error, damaged */
  records({ key, uid, sessionId }: Located, after: number): Placed<CheckpointRecord>[] {
    const found: Placed<CheckpointRecord>[] = [];
    let bytes = 0;
    for (const row of this.statements.list.iterate(key, after)) {
      found.push({ position: row.position, item: decodeCheckpoint(sessionId, uid, row) });
      bytes += row.body?.length ?? 0;
      if (bytes > bytesAtOnce) break;
    }
    return found;
  }

  /** Writes a node anew in its place. */
  replace({ key, uid }: Located, { position, item }: Placed<CheckpointNode>): void {
    const row = encodeNode(uid, item);
    this.statements.updateNode.run(row.node, row.crc, key, position);
  }

  /** @returns how many were there */
  remove(key: number, positions: readonly number[]): number {
    const list = JSON.stringify(positions);
    this.removals += 1;
    this.statements.removeBodies.run(key, list);
    return this.statements.removeNodes.run(key, list).changes;
  }
}
