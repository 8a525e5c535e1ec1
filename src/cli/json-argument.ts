/** JSON objects that stand on the command line. */
import { z } from 'zod';
import { SojournError } from '../types/errors.js';

const objectSchema = z.record(z.string(), z.unknown());

/** @param what begins the sentence, e.g. "The parameters" @throws invalid_json */
export function jsonObject(text: string, what: string, example: string): Record<string, unknown> {
  const parsed = objectSchema.safeParse(parseOrNull(text));
  if (parsed.success) return parsed.data;
  throw new SojournError('invalid_json', `${what} must be a JSON object, e.g. '${example}'.`);
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
