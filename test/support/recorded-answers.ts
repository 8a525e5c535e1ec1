/**
 * Compares an answer with a recorded one, which may hold matchers: `$number`, `$iso`, `{"$contains": [...]}` and the
 * like. Every difference is told with its place; members beyond the recorded ones are fine.
 */
import { z } from 'zod';

const uuid = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;
const texts = z.array(z.string());

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isIso = (value: unknown) =>
  typeof value === 'string' && !Number.isNaN(Date.parse(value)) && new Date(value).toISOString() === value;

const kinds: Readonly<Record<string, (actual: unknown) => boolean>> = {
  $number: (actual) => typeof actual === 'number' && Number.isFinite(actual),
  $string: (actual) => typeof actual === 'string',
  $object: isObject,
  $iso: isIso,
};

/** The parts that are not there; null when no parts are asked for. */
function missingParts(actual: unknown, wanted: Record<string, unknown>): string[] | null {
  if (wanted.$contains !== undefined) {
    const text = typeof actual === 'string' ? actual : '';
    return texts.parse(wanted.$contains).filter((part) => !text.includes(part));
  }
  const entries = isObject(actual) ? Object.keys(actual) : (texts.safeParse(actual).data ?? []);
  if (wanted.$includes !== undefined)
    return texts.parse(wanted.$includes).filter((part) => !entries.includes(part));
  if (wanted.$includesSuffix === undefined) return null;
  return texts.parse(wanted.$includesSuffix).filter((part) => !entries.some((one) => one.endsWith(part)));
}

/** Every place where it is not as wanted; none when it is. */
export function differences(actual: unknown, wanted: unknown, place = 'answer'): string[] {
  const told = [`${place}: ${JSON.stringify(actual)} is not ${JSON.stringify(wanted)}`];
  const kind = typeof wanted === 'string' ? kinds[wanted] : undefined;
  if (kind) return kind(actual) ? [] : told;
  // An empty object is itself, or has more members than were recorded.
  if (!isObject(wanted)) return JSON.stringify(actual) === JSON.stringify(wanted) ? [] : told;
  const missing = missingParts(actual, wanted);
  if (missing) return missing.length === 0 ? [] : told;
  if (!isObject(actual)) return told;
  return Object.entries(wanted).flatMap(([name, member]) =>
    differences(actual[name], member, `${place}.${name}`),
  );
}

/**
 * With the names that a recording has for what every run makes anew. New files are sorted by names that nobody can
 * foretell: here by the recorded ones.
 */
export function inRecordedNames(answer: unknown, workspace?: string): unknown {
  const text = JSON.stringify(answer).replaceAll(uuid, '<UUID>');
  const named = workspace === undefined ? text : text.replaceAll(workspace, '<WS>');
  return JSON.parse(named, (name, value: unknown) =>
    name === 'new_files' && Array.isArray(value) ? [...texts.parse(value)].sort() : value,
  );
}
