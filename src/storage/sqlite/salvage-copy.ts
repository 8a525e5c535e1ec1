/**
 * Copies what can be read of a damaged database into a new one, session by session. A session that did not come over
 * whole is marked as failed, with a sentence that says what is missing.
 */
import type { SessionRecord } from '../../types/session.js';
import type { CheckpointRecord } from '../../types/store.js';
import type { EncodedEvent } from '../journal-codec.js';
import { nextTurn } from '../turns.js';
import type { Head, SessionRow } from './rows.js';
import type { SalvageSource } from './salvage-source.js';
import type { Tables } from './tables.js';

const eventsAtOnce = 1000;

/** @returns one sentence for each thing that is lost */
export async function copyAll(source: SalvageSource, tables: Tables, at: string): Promise<string[]> {
  const lost: string[] = [];
  let unnamed = 0;
  let copied = 0;
  for (const key of source.keys()) {
    const row = source.session(key);
    if (row === 'none') continue;
    if (row === 'unreadable') unnamed += 1;
    else if (await copySession(source, tables, row, at)) copied += 1;
    else lost.push(`The record of session '${row.session_id}' cannot be read; the session is lost.`);
    await nextTurn();
  }
  if (unnamed > 0) lost.push(`${unnamed} session(s) are lost: not even their names can be read.`);
  if (copied === 0) lost.push('No session could be read in the damaged database.');
  copyAnswers(source, tables);
  return lost;
}

/** Copies one session as far as it can be read. @returns false when its record cannot be trusted */
async function copySession(
  source: SalvageSource,
  tables: Tables,
  row: SessionRow,
  at: string,
): Promise<boolean> {
  const { session_id, uid, session_key } = row;
  const head = source.head(row);
  const stub = source.record(row, head ?? emptyHead(row));
  if (!stub || tables.catalogue.keyOf(session_id) !== undefined) return false;
  const key = tables.transact(() => tables.catalogue.insert(stub));
  const journal = await copyJournal(source, tables, { oldKey: session_key, key, session_id, uid });
  const checkpoints = source.checkpoints(session_key, session_id, uid);
  tables.transact(() => {
    const located = { key, sessionId: session_id, uid, head: stub };
    for (const checkpoint of checkpoints) tables.checkpoints.insert(located, checkpoint);
    const found = { journal, checkpoints, partBytes: tables.held.bytes(key) };
    const whole = head ? stub : { ...stub, ...rebuiltHead(found) };
    const findings = missingFrom(whole, found, head !== undefined);
    const failure = { code: 'storage_error', detail: `After a repair: ${findings.join('; ')}.`, at };
    const damaged = findings.length > 0 && whole.failure === null;
    tables.catalogue.save(key, damaged ? { ...whole, failure } : whole, false);
  });
  return true;
}

interface Found {
  readonly journal: JournalSummary;
  readonly checkpoints: readonly CheckpointRecord[];
  readonly partBytes: number;
}
interface JournalSummary {
  last: number;
  bytes: number;
  epoch: number;
  executions: number;
  lastAt: string | null;
}

async function copyJournal(
  source: SalvageSource,
  tables: Tables,
  place: { oldKey: number; key: number; session_id: string; uid: string },
): Promise<JournalSummary> {
  const summary: JournalSummary = { last: -1, bytes: 0, epoch: 0, executions: 0, lastAt: null };
  let batch: EncodedEvent[] = [];
  const flush = () => {
    summary.bytes += tables.transact(() => tables.journal.insert(place.key, place.uid, batch));
    batch = [];
  };
  for (const { row, event } of source.events(place.oldKey, place.session_id, place.uid)) {
    batch.push(row);
    summary.last = event.seq;
    summary.lastAt = event.at;
    if (event.type === 'epoch') summary.epoch = Math.max(summary.epoch, event.epoch);
    if (event.type === 'input' && event.operation === 'execute') summary.executions += 1;
    if (batch.length < eventsAtOnce) continue;
    flush();
    await nextTurn();
  }
  flush();
  return summary;
}

/** What does not fit together any more. */
function missingFrom(record: SessionRecord, found: Found, headKnown: boolean): string[] {
  const { head_seq, head_checkpoint, checkpoint_count } = record;
  const { journal, checkpoints } = found;
  const findings: string[] = [];
  if (!headKnown)
    findings.push('where it stood cannot be read any more; its head was rebuilt from the journal');
  if (journal.last < head_seq)
    findings.push(`events ${journal.last + 1} to ${head_seq} cannot be read any more`);
  const isThere =
    head_checkpoint === null || checkpoints.some((one) => one.checkpoint_id === head_checkpoint);
  if (!isThere) findings.push('its newest checkpoint cannot be read any more');
  else if (checkpoints.length < checkpoint_count)
    findings.push('some of its checkpoints cannot be read any more');
  return findings;
}

const emptyHead = (row: SessionRow): Head => ({
  head_seq: -1,
  epoch: 0,
  last_activity: row.created_at,
  stored_bytes: 0,
  checkpoint_count: 0,
  head_checkpoint: null,
  branch: 'main',
  total_executions: 0,
  variable_count: null,
});

function rebuiltHead({ journal, checkpoints, partBytes }: Found): Partial<Head> {
  const newest = checkpoints.at(-1);
  return {
    head_seq: journal.last,
    epoch: Math.max(journal.epoch, newest?.epoch ?? 0),
    ...(journal.lastAt === null ? {} : { last_activity: journal.lastAt }),
    stored_bytes: journal.bytes + partBytes,
    checkpoint_count: checkpoints.length,
    head_checkpoint: newest?.checkpoint_id ?? null,
    branch: newest?.branch ?? 'main',
    total_executions: journal.executions,
  };
}

function copyAnswers(source: SalvageSource, tables: Tables): void {
  const sql = 'INSERT INTO answers(principal,key,created_at,body,crc) VALUES(?,?,?,?,?)';
  const put = tables.db.prepare<[string, string, string, string, number]>(sql);
  tables.transact(() => {
    for (const { principal, key, created_at, body, crc } of source.answers()) {
      put.run(principal, key, created_at, body, crc);
    }
  });
}
