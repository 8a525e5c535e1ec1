/**
 * Sessions as lynguine has them: tables of the caller that are gone when nobody has used them for their timeout. Other
 * kinds of sessions, and those of others, are not there.
 */
import { z } from 'zod';
import type { DialectAnswer, DialectCall } from '../../../types/dialect.js';
import type { Principal } from '../../../types/operation.js';
import type { IClock, IIds } from '../../../types/ports.js';
import { sessionIdPattern } from '../../../types/session.js';
import { given, isGiven, sessionNotFound, success, valueError } from './answers.js';
import type { Members } from './answers.js';
import { failureOf } from './errors.js';
import { describe, idleSecondsOf, isExpired, newSessionId, sessionSchema, timeoutOf } from './metadata.js';
import type { DataSession } from './metadata.js';
import { askingFor } from './operations.js';
import type { Asking } from './operations.js';

const defaultTimeoutS = 3600;
/** A use is written down at most so often, and never later than this part of the timeout. */
const noteEveryS = 1;
const noteShare = 0.05;

const listSchema = z.object({ sessions: z.array(sessionSchema), next_cursor: z.string().nullable() });
const membersSchema = z.record(z.string(), z.unknown());

export class Sessions {
  constructor(
    private readonly clock: Pick<IClock, 'now'>,
    private readonly ids: Pick<IIds, 'secret'>,
  ) {}

  async create(body: Members, call: DialectCall): Promise<DialectAnswer> {
    if (!isGiven(body, 'interface_file') || body.interface_file === '')
      throw valueError('Missing required parameter: interface_file');
    const params = {
      kind: 'data',
      session_id: body.session_id ?? newSessionId(this.ids),
      directory: '.',
      ...given(body, ['interface_file', 'directory', 'interface_field']),
      ...(isGiven(body, 'session_name') ? { name: body.session_name } : {}),
      expire_after_s: body.timeout ?? defaultTimeoutS,
      timeout_s: 0,
    };
    try {
      const session = sessionSchema.parse(await call('create_session', params));
      return success({ session: describe(session, this.clock.now()) });
    } catch (error) {
      throw failureOf(error, { operation: 'create_session', body });
    }
  }

  async list(principal: Principal, call: DialectCall): Promise<DialectAnswer> {
    const now = this.clock.now();
    const sessions = (await this.all(principal, call)).map((session) => describe(session, now));
    return success({ sessions, total_sessions: sessions.length, total_memory_mb: sumOfMemory(sessions) });
  }

  async info(id: string, principal: Principal, call: DialectCall): Promise<DialectAnswer> {
    try {
      await this.find(id, principal, call);
      const session = sessionSchema.parse(await call('keep_alive', { session_id: id }));
      return success({ session: describe(session, this.clock.now()) });
    } catch (error) {
      throw failureOf(error, { sessionId: id });
    }
  }

  async delete(id: string, principal: Principal, call: DialectCall): Promise<DialectAnswer> {
    try {
      await this.find(id, principal, call);
      await call('delete_session', { session_id: id });
      return success({ message: `Session ${id} deleted` });
    } catch (error) {
      throw failureOf(error, { sessionId: id });
    }
  }

  async operate(
    place: Place,
    body: Members,
    principal: Principal,
    call: DialectCall,
  ): Promise<DialectAnswer> {
    const { id, operation } = place;
    try {
      const session = await this.find(id, principal, call);
      await this.noteUse(session, call);
      const asking = askingFor(operation, body);
      return success(asking.result(await wholeAnswer(asking, id, call)));
    } catch (error) {
      throw failureOf(error, { operation, sessionId: id, body });
    }
  }

  /** @throws Failure when it is not there, as far as this caller may know, or not any more */
  private async find(id: string, principal: Principal, call: DialectCall): Promise<DataSession> {
    if (id === '') throw valueError('Session ID required');
    if (!sessionIdPattern.test(id)) throw sessionNotFound(id);
    const session = sessionSchema.parse(await call('get_session', { session_id: id }));
    if (this.isThere(session, principal)) return session;
    throw sessionNotFound(id);
  }

  private isThere(session: DataSession, { id }: Principal): boolean {
    return session.kind === 'data' && session.owner === id && !isExpired(session, this.clock.now());
  }

  /** Reads count as a use here, which they do not elsewhere. */
  private async noteUse(session: DataSession, call: DialectCall): Promise<void> {
    const timeout = timeoutOf(session);
    const after = timeout === 0 ? noteEveryS : Math.min(noteEveryS, timeout * noteShare);
    if (idleSecondsOf(session, this.clock.now()) < after) return;
    await call('keep_alive', { session_id: session.session_id });
  }

  /** Oldest first. */
  private async all(principal: Principal, call: DialectCall): Promise<DataSession[]> {
    const found: DataSession[] = [];
    let cursor: string | null = null;
    do {
      const params = {
        kind: 'data',
        include_inactive: true,
        limit: 1000,
        ...(cursor === null ? {} : { cursor }),
      };
      const page: z.infer<typeof listSchema> = listSchema.parse(await call('list_sessions', params));
      found.push(...page.sessions.filter((session) => this.isThere(session, principal)));
      cursor = page.next_cursor;
    } while (cursor !== null);
    return found.reverse();
  }
}

/** What a path below /api/sessions/ names. */
export interface Place {
  readonly id: string;
  readonly operation: string;
}

function sumOfMemory(sessions: readonly Members[]): number {
  const sum = sessions.reduce((total, { memory_mb }) => total + Number(memory_mb), 0);
  return Math.round(sum * 100) / 100;
}

/** With all pages of a list that comes in pages. */
async function wholeAnswer(
  { operation, params, list }: Asking,
  session_id: string,
  call: DialectCall,
): Promise<Members> {
  const answer = membersSchema.parse(await call(operation, { ...params, session_id }));
  if (list === undefined) return answer;
  const all: unknown[] = [];
  for (let page = answer; ;) {
    const items: unknown = page[list];
    for (const item of Array.isArray(items) ? (items as unknown[]) : []) all.push(item);
    if (typeof page.next_start !== 'number') return { ...answer, [list]: all };
    page = membersSchema.parse(await call(operation, { ...params, session_id, start: page.next_start }));
  }
}
