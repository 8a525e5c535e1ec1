/**
 * The operation catalogue: finds, authorises, validates and runs. Every transport goes through `call`, so that a
 * check made here is made for all of them.
 */
import type { z } from 'zod';
import { errors, SojournError } from '../types/errors.js';
import { optionKeysOf, writeOptionsSchema } from '../types/operation.js';
import type { AroundCall } from '../types/extension.js';
import type {
  Access,
  CallContext,
  ICatalogue,
  Operation,
  Principal,
  SessionCall,
  WriteOptions,
} from '../types/operation.js';
import type { ISessionManager } from '../types/managers.js';
import { sessionIdSchema } from '../types/session.js';
import type { AnswerKeeper } from './answer-keeper.js';
import { issueLine, issueTexts } from './issue-text.js';
import { nearest } from './nearest.js';

const rank: Record<Access, number> = { read: 0, write: 1, admin: 2 };
const namePattern = /^[a-z][a-z0-9_]{1,63}$/;

export class Catalogue implements ICatalogue {
  private readonly operations = new Map<string, Operation>();
  private readonly surrounding: AroundCall[] = [];

  constructor(
    private readonly sessions: Pick<ISessionManager, 'use'>,
    private readonly answers: AnswerKeeper,
  ) {}

  register(operation: Operation): void {
    const { name } = operation;
    if (!namePattern.test(name)) throw new Error(`operation name "${name}" is not snake_case`);
    if (this.operations.has(name)) throw new Error(`operation "${name}" is defined twice`);
    this.operations.set(name, operation);
  }

  surround(around: AroundCall): void {
    this.surrounding.push(around);
  }

  list(): readonly Operation[] {
    return [...this.operations.values()].sort((a, b) => a.name.localeCompare(b.name));
  }

  find(name: string): Operation | undefined {
    return this.operations.get(name);
  }

  get(name: string): Operation {
    const operation = this.operations.get(name);
    if (operation) return operation;
    throw errors.operationNotFound(name, nearest(name, [...this.operations.keys()]));
  }

  async call(name: string, params: unknown, call: CallContext): Promise<unknown> {
    const operation = this.get(name);
    const asked = {
      operation,
      session_id: textIn(params, 'session_id'),
      idempotency_key: textIn(params, 'idempotency_key') ?? call.idempotency_key,
      context: call,
    };
    const through = (depth: number): Promise<unknown> => {
      const around = this.surrounding[depth];
      return around ? around(asked, () => through(depth + 1)) : this.run(operation, params, call);
    };
    return through(0);
  }

  private async run(operation: Operation, params: unknown, call: CallContext): Promise<unknown> {
    assertAllowed(operation, call.principal);
    const { own, options } = separate(operation, params ?? {});
    refuseUntaken(operation, call);
    const context: CallContext = { ...call, ...options };
    if (operation.scope === 'server') {
      const parsed = parse(operation.params, own);
      return this.once(operation, parsed, context, () => operation.handle(parsed, context));
    }
    const { session_id, ...rest } = own;
    const sessionId = parse(sessionIdSchema, session_id, 'session_id');
    const { session_id: only = sessionId } = call.principal;
    if (sessionId !== only) throw errors.sessionNotFound(sessionId);
    const parsed = parse(operation.params, rest);
    const sessionCall: SessionCall = {
      ...context,
      session_id: sessionId,
      use: (work) => this.sessions.use(sessionId, call.principal, work),
    };
    return this.once(operation, { session_id: sessionId, parsed }, context, () =>
      operation.handle(parsed, sessionCall),
    );
  }

  /** Writes of the journal are answered once by their session; all others here. */
  private once(
    operation: Operation,
    request: unknown,
    call: CallContext,
    run: () => Promise<unknown>,
  ): Promise<unknown> {
    const { access, answersOnce = false, stream } = operation;
    // Bytes are no answer that could be kept.
    const repeats = access === 'read' || answersOnce || stream === 'answer';
    if (repeats || call.idempotency_key === undefined) return run();
    const { idempotency_key: key, principal } = call;
    return this.answers.once({ principal: principal.id, key, operation: operation.name, request }, run);
  }
}

function textIn(params: unknown, name: string): string | undefined {
  const value: unknown =
    typeof params === 'object' && params !== null ? Reflect.get(params, name) : undefined;
  return typeof value === 'string' ? value : undefined;
}

/** @throws forbidden */
function assertAllowed(operation: Operation, { access, session_id: only }: Principal): void {
  const { name, scope, shared = scope === 'session' && operation.access !== 'admin' } = operation;
  if (only !== undefined && !shared) {
    const detail = `'${name}' is not for the holders of a share.`;
    throw new SojournError('forbidden', detail, { operation: name });
  }
  if (rank[access] >= rank[operation.access]) return;
  const detail = `'${name}' needs ${operation.access} access; this token has ${access}.`;
  throw new SojournError('forbidden', detail, { operation: name });
}

interface Separated {
  own: Record<string, unknown>;
  options: WriteOptions;
}

/** Headers may ask for what the operation would not heed. An idempotency key is in place with reads too. */
function refuseUntaken(operation: Operation, { if_seq, if_epoch, on_busy, wait_s }: CallContext): void {
  const given = { if_seq, if_epoch, on_busy, wait_s };
  const taken: readonly string[] = optionKeysOf(operation);
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined || taken.includes(key)) continue;
    const header = key === 'if_seq' ? ' (If-Match)' : '';
    throw new SojournError('invalid_params', `${key}${header}: '${operation.name}' does not take it.`);
  }
}

/** Takes the shared options that the operation takes away from its own parameters; all others stay and are unknown. */
function separate(operation: Operation, params: unknown): Separated {
  if (typeof params !== 'object' || params === null || Array.isArray(params)) {
    throw new SojournError('invalid_params', 'The parameters must be an object.');
  }
  const own: Record<string, unknown> = { ...params };
  const shared: Record<string, unknown> = {};
  for (const key of optionKeysOf(operation)) {
    if (!(key in own)) continue;
    shared[key] = own[key];
    Reflect.deleteProperty(own, key);
  }
  return { own, options: parse(writeOptionsSchema, shared) };
}

function parse<S extends z.ZodType>(schema: S, value: unknown, name?: string): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issues = issueTexts(result.error, value, name === undefined ? [] : [name]);
  throw new SojournError('invalid_params', issueLine(issues), { issues });
}
