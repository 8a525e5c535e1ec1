/**
 * Reads one run back: its events from the journal, and at their places the texts that were too much for it. Reading
 * can go on from any place that was passed.
 */
import { join } from 'node:path';
import type { SessionEvent, SessionEventBody } from '../types/events.js';
import type { IFiles } from '../types/ports.js';
import type { ISessionStore } from '../types/store.js';
import { readSpill } from './output-spill.js';

/** Where a session's runs are kept. */
export interface RunArchive {
  readonly store: ISessionStore;
  readonly files: IFiles;
  /** The folder for long output. */
  readonly outputs: string;
}

export type InputEvent = Extract<SessionEvent, { type: 'input' }>;

/** The next event of the journal, and what of the file was read already. */
export interface RunPlace {
  readonly seq: number;
  readonly spill: number;
}
export interface RunPiece {
  readonly body: SessionEventBody;
  /** Where reading goes on after it. */
  readonly next: RunPlace;
  /** True of a word in the place of text that is not there. */
  readonly isMissing?: boolean;
}

/** Events hold up to some hundred kilobytes each. */
const pageSize = 64;

/** The file for the long output of one run. */
export const spillPath = (outputs: string, seq: number): string => join(outputs, `${seq}.out`);

/**
 * From a place on, up to the result or to what is there now.
 * @param live the run goes on: text that is promised and not there yet will come
 */
export async function* readRun(
  archive: RunArchive,
  input: InputEvent,
  from: RunPlace | null,
  live: boolean,
): AsyncGenerator<RunPiece> {
  let place = from ?? { seq: input.seq + 1, spill: 0 };
  for await (const event of journalFrom(archive, input, place.seq)) {
    for await (const piece of piecesOf(event, archive, input, place)) {
      if (live && piece.isMissing === true) return;
      place = piece.next;
      yield piece;
      if (piece.body.type === 'result') return;
    }
    place = { ...place, seq: event.seq + 1 };
  }
}

async function* journalFrom(
  { store }: RunArchive,
  { session_id }: InputEvent,
  start: number,
): AsyncGenerator<SessionEvent> {
  let from = start;
  for (;;) {
    const events = await store.readJournal(session_id, from, pageSize);
    yield* events;
    if (events.length < pageSize) return;
    from += events.length;
  }
}

/** One event of the journal, behind the text of the file that belongs before it. */
async function* piecesOf(
  event: SessionEvent,
  archive: RunArchive,
  input: InputEvent,
  place: RunPlace,
): AsyncGenerator<RunPiece> {
  if (!('input_seq' in event) || event.input_seq !== input.seq) return;
  const end = event.type === 'truncated' ? (event.spill_end ?? 0) : 0;
  let { spill } = place;
  for await (const piece of spilled(archive, input, place, end)) {
    ({ spill } = piece.next);
    yield piece;
  }
  if (spill < end) yield missing(event, end - spill, end);
  yield { body: event, next: { seq: event.seq + 1, spill: Math.max(spill, end) } };
}

async function* spilled(
  { files, outputs }: RunArchive,
  input: InputEvent,
  place: RunPlace,
  end: number,
): AsyncGenerator<RunPiece> {
  if (end <= place.spill) return;
  for await (const piece of readSpill(files, spillPath(outputs, input.seq), place.spill, end)) {
    yield { body: { type: piece.stream, text: piece.text }, next: { ...place, spill: piece.end } };
  }
}

/** A file that was cut short by the death of the machine, or by hand, is no reason to show nothing. */
function missing(event: SessionEvent, bytes: number, end: number): RunPiece {
  const stream = event.type === 'truncated' && event.stream === 'stderr' ? 'stderr' : 'stdout';
  const text = `\n… ${bytes} bytes of output are missing here …\n`;
  return { body: { type: stream, text }, next: { seq: event.seq, spill: end }, isMissing: true };
}
