/** A fork as it was asked for: of the present, or of a former moment. */
import { z } from 'zod';
import type { ISessionInstance, SessionRecord } from '../types/session.js';
import { engineOf } from './new-session.js';
import { forkPast } from './past-fork.js';
import { forkSession } from './session-fork.js';
import type { Forked, ForkServices, MakeInstance, Wanted } from './session-fork.js';

export interface ForkHost {
  /** Wakes the source for it. */
  readonly use: <T>(work: (source: ISessionInstance) => Promise<T>) => Promise<T>;
  /** Resolves to the check of the conditions of the call. */
  readonly conditions: () => Promise<() => void>;
  readonly make: MakeInstance;
}

const reachedSchema = z.object({ reached_seq: z.number().int() });

/** @throws as `forkSession` and `forkPast` */
export async function forkAsked(
  source: SessionRecord,
  wanted: Wanted,
  services: ForkServices,
  { use, conditions, make }: ForkHost,
): Promise<Forked> {
  const { at_seq } = wanted.request;
  const definition = engineOf(services.engines, source.kind);
  if (at_seq === undefined) return use((live) => forkSession(live, wanted, services, make));
  if (definition.capabilities.versions !== true) {
    (await conditions())();
    return forkPast(source, at_seq, definition, wanted, services, make);
  }
  // It has all versions, and goes to the one that is wanted.
  const forked = await use((live) => forkSession(live, wanted, services, make));
  const call = { principal: { id: wanted.owner } };
  const { reached_seq } = reachedSchema.parse(
    await forked.instance.performWrite('goto', { seq: at_seq }, call),
  );
  return { ...forked, reached_seq };
}

/** Of a fork that is there already. One that could not reach its place ends before it. */
export function reachedBy(
  { parent }: SessionRecord,
  asked: number | undefined,
): Pick<Forked, 'reached_seq' | 'exact'> {
  const end = parent?.seq ?? 0;
  const exact = asked === undefined || end >= asked;
  return { reached_seq: exact ? (asked ?? end) : end, exact };
}
