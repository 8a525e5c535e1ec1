/** The table `session_parts`: which parts each session holds against collection. */
import type { Db } from './schema.js';

export class HeldParts {
  private readonly statements;

  constructor(db: Db) {
    this.statements = {
      add: db
        .prepare<[number, string, number], number>(
          `INSERT INTO session_parts(session_key,hash,size,uses) VALUES(?,?,?,1)
ON CONFLICT DO UPDATE SET uses=uses+1 RETURNING uses`,
        )
        .pluck(),
      change: db.prepare<[number, number, string], { size: number; uses: number }>(
        'UPDATE session_parts SET uses=uses+? WHERE session_key=? AND hash=? RETURNING size,uses',
      ),
      remove: db.prepare<[number, string]>('DELETE FROM session_parts WHERE session_key=? AND hash=?'),
      held: db.prepare<[number], string>('SELECT hash FROM session_parts WHERE session_key=?').pluck(),
      bytes: db
        .prepare<[number], number>('SELECT coalesce(sum(size),0) FROM session_parts WHERE session_key=?')
        .pluck(),
      holder: db.prepare<[string], number>('SELECT size FROM session_parts WHERE hash=? LIMIT 1').pluck(),
    };
  }

  /** @returns the bytes of those that the session did not hold before */
  add(key: number, parts: ReadonlyMap<string, number>): number {
    let added = 0;
    for (const [hash, size] of parts) if (this.statements.add.get(key, hash, size) === 1) added += size;
    return added;
  }

  /**
   * @param uses how many more or fewer there are now, by hash.
   * @returns what is not held any more
   */
  change(key: number, uses: ReadonlyMap<string, number>): { hashes: string[]; bytes: number } {
    const letGo = { hashes: [] as string[], bytes: 0 };
    for (const [hash, more] of uses) {
      const now = more === 0 ? undefined : this.statements.change.get(more, key, hash);
      if (!now || now.uses > 0) continue;
      this.statements.remove.run(key, hash);
      letGo.hashes.push(hash);
      letGo.bytes += now.size;
    }
    return letGo;
  }

  /** Hashes of all parts of one session. */
  of(key: number): string[] {
    return this.statements.held.all(key);
  }

  /** Bytes of all distinct parts of one session. */
  bytes(key: number): number {
    return this.statements.bytes.get(key) ?? 0;
  }

  /** The size of a part that some session holds. */
  heldSize(hash: string): number | undefined {
    return this.statements.holder.get(hash);
  }
}
