/** The table `notes`: what somebody wrote on a session's checkpoints. */
import type { CheckpointNote } from '../../types/store.js';
import type { Located } from './catalogue.js';
import { decodeNote, encodeNote } from './checkpoint-rows.js';
import type { NoteRow } from './checkpoint-rows.js';
import type { Db } from './schema.js';

/** More would hold up everybody else. */
const notesAtOnce = 500;

export class Notes {
  private readonly statements;

  constructor(db: Db) {
    const columns = 'checkpoint_id,note,crc';
    this.statements = {
      put: db.prepare<[number, string, string, number]>(
        'INSERT OR REPLACE INTO notes(session_key,checkpoint_id,note,crc) VALUES(?,?,?,?)',
      ),
      remove: db.prepare<[number, string]>('DELETE FROM notes WHERE session_key=? AND checkpoint_id=?'),
      get: db.prepare<[number, string], NoteRow>(
        `SELECT ${columns} FROM notes WHERE session_key=? AND checkpoint_id=?`,
      ),
      list: db.prepare<[number, string, number], NoteRow>(
        `SELECT ${columns} FROM notes WHERE session_key=? AND checkpoint_id>? ORDER BY checkpoint_id LIMIT ?`,
      ),
    };
  }

  /** @returns bytes written */
  put({ key, uid }: Pick<Located, 'key' | 'uid'>, checkpointId: string, note: CheckpointNote): number {
    const row = encodeNote(uid, checkpointId, note);
    this.statements.put.run(key, checkpointId, row.note, row.crc);
    return row.note.length;
  }

  remove(key: number, checkpointId: string): void {
    this.statements.remove.run(key, checkpointId);
  }

  /** @throws storage_error, damaged */
  get({ key, uid, sessionId }: Located, checkpointId: string): CheckpointNote | undefined {
    const row = this.statements.get.get(key, checkpointId);
    return row && decodeNote(sessionId, uid, row);
  }

  /** Some of a session's by their checkpoints' ids, after one of them. @throws storage_error, damaged */
  some({ key, uid, sessionId }: Located, after: string): [string, CheckpointNote][] {
    const rows = this.statements.list.all(key, after, notesAtOnce);
    return rows.map((row) => [row.checkpoint_id, decodeNote(sessionId, uid, row)]);
  }
}
