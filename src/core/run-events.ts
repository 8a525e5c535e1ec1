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
  for (;;) {
    const events = await archive.store.readJournal(input.session_id, place.seq, pageSize);
    for (const event of events) {
      if ('input_seq' in event && event.input_seq === input.seq) {
        const end = event.type === 'truncated' ? (event.spill_end ?? 0) : 0;
        for await (const piece of spilled(archive, input, place, end)) {
          place = piece.next;
          yield piece;
        }
        if (place.spill < end) {
          if (live) return;
          yield missing(event, end - place.spill, end);
        }
        place = { ...place, spill: Math.max(place.spill, end) };
        yield { body: event, next: { ...place, seq: event.seq + 1 } };
        if (event.type === 'result') return;
      }
      place = { ...place, seq: event.seq + 1 };
    }
    if (events.length < pageSize) return;
  }
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
  return { body: { type: stream, text }, next: { seq: event.seq, spill: end } };
}
