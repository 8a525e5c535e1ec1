/** Reading a session's checkpoints piece by piece, so that a large tree holds nobody up, and still as one whole. */
import type { CheckpointNote } from '../../types/store.js';
import { nextTurn } from '../turns.js';
import type { Located } from './catalogue.js';
import type { Placed } from './checkpoints.js';
import { required } from './journal.js';
import type { TableAccess, Tables } from './tables.js';

/** Every note of a session, by checkpoint. */
export async function readNotes(
  { read }: Pick<TableAccess, 'read'>,
  sessionId: string,
): Promise<Map<string, CheckpointNote>> {
  const found = new Map<string, CheckpointNote>();
  for (let after = ''; ;) {
    const some = await read(({ catalogue, notes }) =>
      notes.some(required(catalogue.locate(sessionId), sessionId), after),
    );
    const last = some.at(-1);
    if (!last) return found;
    for (const [id, note] of some) found.set(id, note);
    [after] = last;
    await nextTurn();
  }
}

/** @param piece some of them after a position; none at the end. */
export async function readTree<Item>(
  { read }: Pick<TableAccess, 'read'>,
  sessionId: string,
  piece: (tables: Tables, located: Located, after: number) => Placed<Item>[],
): Promise<Placed<Item>[]> {
  let found: Placed<Item>[] = [];
  let seen: { key: number; removals: number } | undefined;
  for (;;) {
    const after = found.at(-1)?.position ?? 0;
    const { next, now } = await read((tables) => {
      const located = required(tables.catalogue.locate(sessionId), sessionId);
      const state = { key: located.key, removals: tables.checkpoints.removals };
      const isSame = seen === undefined || (seen.key === state.key && seen.removals === state.removals);
      return { next: isSame ? piece(tables, located, after) : undefined, now: state };
    });
    seen = now;
    // What was read so far is of a tree that is no more.
    if (next === undefined) found = [];
    else if (next.length === 0) return found;
    else found = found.concat(next);
    await nextTurn();
  }
}
